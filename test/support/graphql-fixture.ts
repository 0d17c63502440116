import { afterEach, beforeEach } from '@jest/globals';
import { MemoryStore, type SessionModuleOptions } from 'nestjs-keycard';
import { Jar, post, type TestApp } from './app.js';
import type { GraphqlServer } from './graphql-apps.js';
import { type GraphqlClient, connectGraphql } from './graphql-client.js';
import { filtered, news, newsModule } from './graphql-news.js';
import { ManualClock } from './login-app.js';
import { ObservedStore } from './observed-store.js';

/** What the tests of one GraphQL server share: apps that tell news, and clients of them. To be called in a `describe`. */
export class GraphqlFixture {
  clock!: ManualClock;
  store!: ObservedStore;
  jar!: Jar;
  private readonly apps: TestApp[] = [];
  private readonly clients: GraphqlClient[] = [];

  constructor(private readonly server: GraphqlServer) {
    beforeEach(() => this.begin());
    afterEach(() => this.end());
  }

  private begin(): void {
    this.clock = new ManualClock();
    this.store = new ObservedStore(new MemoryStore({ clock: this.clock }));
    this.jar = new Jar();
    filtered.length = 0;
  }

  private async end(): Promise<void> {
    this.store.failure = undefined;
    for (const client of this.clients.splice(0)) await client.close();
    for (const app of this.apps.splice(0)) await app.close();
    news.removeAllListeners();
  }

  async start(
    options: Partial<SessionModuleOptions> = {},
    sockets: Parameters<GraphqlServer['start']>[2] = {},
  ): Promise<TestApp> {
    const { store, clock } = this;
    const app = await this.server.start(newsModule, { store, clock, ...options }, sockets);
    this.apps.push(app);
    return app;
  }

  async login(app: TestApp, id = '7', as = this.jar): Promise<Jar> {
    await as.fetch(`${app.url}/login`, post({ id }));
    return as;
  }

  async connect(app: TestApp, headers: Record<string, string> = {}, as = this.jar): Promise<GraphqlClient> {
    const cookie = as.header === '' ? {} : { cookie: as.header };
    const client = await connectGraphql(app.url, { ...cookie, ...headers });
    this.clients.push(client);
    return client;
  }

  /** The data of the session, as HTTP reads them. */
  async data(app: TestApp): Promise<Record<string, unknown>> {
    return ((await (await this.jar.fetch(`${app.url}/me`)).json()) as { data: Record<string, unknown> }).data;
  }
}

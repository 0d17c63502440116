import { setTimeout as pause } from 'node:timers/promises';
import { Args, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { getSession, MemoryStore, Session, SessionStoreError } from 'nestjs-keycard';
import { Jar, post, type TestApp } from '../../support/app.js';
import { graphqlServers, type OwnHandlers } from '../../support/graphql-apps.js';
import { connectGraphql, type GraphqlClient } from '../../support/graphql-client.js';
import { type AnySession, gate, LoginController, type Me } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { until } from '../../support/until.js';

let isDone = false;

@Resolver()
class DraftResolver {
  @Query(() => String)
  nothing() {
    return '';
  }
  @Mutation(() => String)
  async keep(@Session() session: AnySession, @Args('text') text: string) {
    session.draft = text;
    await gate.pass('keep');
    isDone = true;
    return text;
  }
  @Subscription(() => String, {
    async resolve({ text }: { text: string }, _: unknown, context: object) {
      const session = await getSession<Record<string, unknown>>(context);
      session.draft = text;
      await gate.pass('keep');
      isDone = true;
      return text;
    },
  })
  async *kept() {
    yield await Promise.resolve({ text: 'hello' });
  }
}

describe.each(graphqlServers)('a change over a WebSocket, $name', ({ name, start }) => {
  let app: TestApp;
  let client: GraphqlClient;
  let store: ObservedStore;
  const jar = new Jar();
  const logged: string[] = [];
  const begin = async (own?: OwnHandlers, hooks?: OwnHandlers) => {
    const log = (message: string) => void logged.push(message);
    store = new ObservedStore(new MemoryStore());
    app = await start(
      { controllers: [LoginController], providers: [DraftResolver] },
      { store, logger: { warn: log, error: log } },
      { ...(own && { own }), ...(hooks && { hooks }) },
    );
    await jar.fetch(`${app.url}/login`, post({ id: '7' }));
    client = await connectGraphql(app.url, { cookie: jar.header });
  };
  const draft = async () => ((await (await jar.fetch(`${app.url}/me`)).json()) as Me).data.draft;
  beforeEach(() => {
    isDone = false;
    logged.length = 0;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    store.failure = undefined;
    await client.close();
    await app.close();
  });

  it.each([
    ['mutation { keep(text: "hello") }', 'closes the connection'],
    ['mutation { keep(text: "hello") }', 'cancels the operation'],
    ['subscription { kept }', 'closes the connection'],
    ['subscription { kept }', 'cancels the operation'],
  ])('by %s is saved if the client %s meanwhile (#15.5)', async (operation, how) => {
    await begin();
    const door = gate.close('keep');
    const answers = client.events(operation);
    void answers.next().catch(() => undefined);
    await door.arrived;
    if (how.startsWith('closes')) await client.close();
    else await answers.return!();
    // The server gets to know of it.
    await pause(50);
    door.open();
    await until(() => isDone);
    await pause(50);
    expect([await draft(), logged]).toEqual(['hello', []]);
  });

  const handlers = name === 'Mercurius' ? ['onResolution'] : ['onNext', 'onOperation'];
  const beginWith = (handler: string, own: unknown) =>
    name === 'Mercurius' ? begin(undefined, { [handler]: own }) : begin({ [handler]: own });

  it.each(handlers)("is saved if the app's own %s throws an error (#15.5)", async (handler) => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    await beginWith(handler, () => {
      throw new Error('of the metrics');
    });
    void client.ask('mutation { keep(text: "hello") }').catch(() => undefined);
    await until(() => isDone);
    await pause(50);
    expect([await draft(), logged]).toEqual(['hello', []]);
  });

  it.each(handlers)("is refused if it can't be saved, whatever the app's own %s returns (#15.5)", async (handler) => {
    const results: unknown[] = [];
    await beginWith(handler, (...call: unknown[]) => {
      results.push(call.length);
      return name === 'Mercurius' ? undefined : { data: { keep: 'of the app' } };
    });
    await client.ask('{ nothing }');
    store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
    expect(await client.ask('mutation { keep(text: "lost") }')).toMatchObject({
      data: null,
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }],
    });
    expect(results).toHaveLength(2);
    expect(logged).toHaveLength(1);
  });
});

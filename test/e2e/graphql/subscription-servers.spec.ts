import type { INestApplication, LoggerService } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import fastifyWebsocket from '@fastify/websocket';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { type SessionModuleOptions, SessionRegistry, type SessionStore } from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { withSubscriptionSessions } from 'nestjs-keycard/websockets';
import { Jar, post, type TestApp } from '../../support/app.js';
import { graphqlServers, mercurius } from '../../support/graphql-apps.js';
import { type GraphqlClient, connectGraphql } from '../../support/graphql-client.js';
import { newsModule } from '../../support/graphql-news.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';
import { isHeard } from '../../support/watching.js';

const apps: TestApp[] = [];
const clients: GraphqlClient[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const app of apps.splice(0)) await app.close();
  for (const server of servers.splice(0)) server.close();
});

const start = async (server: (typeof graphqlServers)[number], options: Partial<SessionModuleOptions> = {}) => {
  const app = await server.start(newsModule, options, { sessions: { revalidate: '1h' } });
  apps.push(app);
  return app;
};
const login = async (app: TestApp, id: string): Promise<Jar> => {
  const jar = new Jar();
  await jar.fetch(`${app.url}/login`, post({ id }));
  return jar;
};
const connect = async (url: string, jar: Jar): Promise<GraphqlClient> => {
  const client = await connectGraphql(url, { cookie: jar.header });
  clients.push(client);
  return client;
};
const who = async (client: GraphqlClient) => (await client.ask('{ who }')).data?.who;

describe.each(graphqlServers)('$name', (server) => {
  it('two apps of one process have sessions of their own, also on another address of a server (#15.5)', async () => {
    const [one, two] = [await start(server), await start(server)];
    const [at1, at2] = [await login(one, '1'), await login(two, '2')];
    expect(await who(await connect(one.url, at1))).toBe('1 string');
    expect(await who(await connect(two.url, at2))).toBe('2 string');
    expect(await who(await connect(two.url, at1))).toBe('nobody string');
    // As Fastify does it for each further address of "localhost".
    const main = two.app.getHttpServer() as Server;
    const { port } = main.address() as { port: number };
    const secondary = createServer().on('upgrade', (...args) => void main.emit('upgrade', ...args));
    servers.push(secondary.listen(port, '::1'));
    await once(secondary, 'listening');
    expect(await who(await connect(`http://[::1]:${port}`, at2))).toBe('2 string');
  });

  /** An end in one app closes connections to another, which would look for it in an hour. */
  const tellsOthers = (make: () => SessionStore): void =>
    it('an end in another process closes connections at once, over the bus (#15.5)', async () => {
      const [here, elsewhere] = [await start(server, { store: make() }), await start(server, { store: make() })];
      const [client, other] = [
        await connect(here.url, await login(here, '7')),
        await connect(here.url, await login(here, '8')),
      ];
      await isHeard(here);
      const began = Date.now();
      await elsewhere.app.get(SessionRegistry).revokeAll('7');
      expect(await client.closed).toBe(4401);
      expect(Date.now() - began).toBeLessThan(1_000);
      expect(await who(other)).toBe('8 string');
    });
  describeWithServer('redis', (redis) => {
    const prefix = uniqueName('subs');
    tellsOthers(() => new RedisStore({ url: redis.url, prefix }));
  });
  describeWithServer('postgres', (postgres) => {
    const tableName = uniqueName('subs');
    tellsOthers(() => new PostgresStore({ connectionString: postgres.url, tableName }));
  });
});

it('Mercurius on a WebSocket server that the app has registered checks its clients too (#15.5)', async () => {
  const before = (app: INestApplication) => (app as NestFastifyApplication).register(fastifyWebsocket as never);
  const app = await graphqlServers[2]!.start(newsModule, {}, { sessions: { requireSession: true }, before });
  apps.push(app);
  await expect(connect(app.url, new Jar())).rejects.toThrow('4401');
  const jar = await login(app, '7');
  await expect(connectGraphql(app.url, { cookie: jar.header, origin: 'https://evil.example' })).rejects.toThrow('4403');
  expect(await who(await connect(app.url, jar))).toBe('7 string');
});

it("Mercurius's own verifyClient is asked after ours, and its context may read request.session (#15.5)", async () => {
  const asked: unknown[] = [];
  const requests: { session?: unknown }[] = [];
  const own = {
    verifyClient({ req }: { req: IncomingMessage }) {
      asked.push(req.headers['x-client']);
      return req.headers['x-client'] !== 'unwanted';
    },
    context(_: unknown, request: { session?: { info: { principal?: string } } }) {
      requests.push(request);
      return { mine: request.session!.info.principal };
    },
  };
  const app = await graphqlServers[2]!.start(newsModule, {}, { sessions: { requireSession: true }, own });
  apps.push(app);
  await expect(connect(app.url, new Jar())).rejects.toThrow('401');
  expect(asked).toEqual([]);
  const { header: cookie } = await login(app, '7');
  await expect(connectGraphql(app.url, { cookie, 'x-client': 'unwanted' })).rejects.toThrow('401');
  const client = await connectGraphql(app.url, { cookie, 'x-client': 'wanted' });
  clients.push(client);
  expect(await client.ask('{ own who }')).toMatchObject({ data: { own: '7', who: '7 string' } });
  expect(asked).toEqual(['unwanted', 'wanted']);
  // What is changed in it later would be lost: it is gone.
  expect(requests.map(({ session }) => session)).toEqual([undefined]);
});

@Resolver()
class HelloResolver {
  @Query(() => String)
  hello() {
    return 'hello';
  }
}

it('Mercurius in an app without SessionModule, beside others with it, refuses clients, and the log says why (#15.5)', async () => {
  for (const server of graphqlServers.slice(0, 2)) await start(server);
  const options = { driver: await mercurius(), autoSchemaFile: true, subscription: { fullWsTransport: true } };
  const imports = [GraphQLModule.forRoot(withSubscriptionSessions(options))];
  const testing = await Test.createTestingModule({ imports, providers: [HelloResolver] }).compile();
  const logged: unknown[] = [];
  const quiet = (): void => undefined;
  const logger: LoggerService = { log: quiet, warn: quiet, error: (...args: unknown[]) => void logged.push(args) };
  const app = testing.createNestApplication(new FastifyAdapter(), { logger });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  apps.push({ app, url, close: () => app.close() });
  await expect(connect(url, new Jar())).rejects.toThrow('500');
  expect(logged).toEqual([
    [
      'A WebSocket client was refused, as its handshake could not be checked.',
      expect.stringContaining('belongs to no app with SessionModule'),
      'Session',
    ],
  ]);
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, SessionRegistry } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, signed, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { LoginController, ManualClock } from '../../support/login-app.js';
import { OwnBus } from '../../support/own-bus.js';
import { until } from '../../support/until.js';
import { WhoGateway } from '../../support/who-gateway.js';

const ways = gatewayTransports.flatMap((transport) => [
  { ...transport, how: 'without a bus', hasBus: false },
  { ...transport, how: 'with a bus', hasBus: true },
]);

describe.each(ways)(
  'a session that express-session wrote, $name, $how',
  ({ adapter, connect, hasBus, closedByServer }) => {
    let servers: TestApp[];
    let clients: GatewayClient[];
    let clock: ManualClock;
    let store: MemoryStore;
    let bus: OwnBus | undefined;
    let jar: Jar;
    const start = async () => {
      const server = await startApp(
        [LoginController],
        { store, clock, ...(bus && { bus }) },
        { providers: [WhoGateway], before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app))) },
      );
      servers.push(server);
      return server;
    };
    const open = async (server: TestApp) => {
      const client = await connect(server.url, { cookie: jar.header });
      clients.push(client);
      const watch = watchOf(server.app.get(SessionManager));
      expect(watch.size).toBe(1);
      if (!hasBus) return client;
      await until(() => watch.isHearing);
      // All sessions are read when the bus begins to work, and not again for five minutes.
      await watch.tick();
      return client;
    };
    beforeEach(async () => {
      servers = [];
      clients = [];
      clock = new ManualClock();
      store = new MemoryStore({ clock });
      bus = hasBus ? new OwnBus() : undefined;
      jar = new Jar();
      const expiresAt = clock.now() + 3_600_000;
      const cookie = {
        originalMaxAge: 3_600_000,
        expires: new Date(expiresAt).toISOString(),
        httpOnly: true,
        path: '/',
      };
      await store.create('old', { text: JSON.stringify({ cookie, passport: { user: 'pat' } }), expiresAt });
      jar.cookies.set('sid', encodeURIComponent(signed('old')));
    });
    afterEach(async () => {
      for (const client of clients) client.close();
      for (const server of servers) await server.close();
    });

    it.each<[string, (server: TestApp, registry: SessionRegistry) => Promise<unknown>]>([
      ['a logout', (server) => jar.fetch(`${server.url}/logout`, post())],
      ['revokeAll()', (_, registry) => registry.revokeAll('pat')],
      [
        'revoke()',
        async (_, registry) => registry.revoke((await registry.list({ principal: 'pat' })).sessions[0]!.handle),
      ],
    ])('%s closes its sockets, after a request has adopted it', async (_, end) => {
      const server = await start();
      const client = await open(server);
      expect((await jar.fetch(`${server.url}/home`)).status).toBe(200);
      const later = await connect(server.url, { cookie: jar.header });
      clients.push(later);
      await end(server, server.app.get(SessionRegistry));
      expect(await Promise.all([client.closed, later.closed])).toEqual([closedByServer, closedByServer]);
    });

    it('a logout in another process closes them, if there is a bus', async () => {
      const [server, other] = [await start(), await start()];
      const client = await open(server);
      expect((await jar.fetch(`${other.url}/home`)).status).toBe(200);
      await jar.fetch(`${other.url}/logout`, post());
      if (!hasBus) clock.advance(5_000);
      expect(await client.closed).toBe(closedByServer);
    });

    it('its sockets stay open while it is live', async () => {
      const server = await start();
      const client = await open(server);
      await jar.fetch(`${server.url}/home`);
      const other = new Jar();
      await other.fetch(`${server.url}/login`, post({ id: '8' }));
      await other.fetch(`${server.url}/logout`, post());
      clock.advance(6_000);
      expect(await client.ask('who')).toEqual({ principal: 'pat' });
    });
  },
);

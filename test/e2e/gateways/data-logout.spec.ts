import { WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { MemoryStore } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { LoginController } from '../../support/login-app.js';
import { OwnBus } from '../../support/own-bus.js';
import { isHeard } from '../../support/watching.js';

@WebSocketGateway()
class ChatGateway {}

describe.each(gatewayTransports)('a logout by the data, $name', ({ adapter, connect }) => {
  let server: TestApp;
  let client: GatewayClient;
  afterEach(async () => {
    client.close();
    await server.close();
  });

  it.each(['login()', 'the data'])(
    'closes the sockets of a login by %s at once, also with a bus (#15.3)',
    async (by) => {
      const jar = new Jar();
      server = await startApp(
        [LoginController],
        { store: new MemoryStore(), bus: new OwnBus() },
        { providers: [ChatGateway], before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app))) },
      );
      const user = { user: { id: 'ann' } };
      if (by === 'login()') await jar.fetch(`${server.url}/login`, post({ id: 'ann', data: user }));
      else await jar.fetch(`${server.url}/set`, post(user));
      client = await connect(server.url, { cookie: jar.header });
      // From now on, only a hint ends it: the store is asked every five minutes.
      await isHeard(server);
      await watchOf(server.app.get(SessionManager)).tick();
      await jar.fetch(`${server.url}/delete/user`, post());
      expect(await Promise.race([client.closed, wait(2_000, 'still open')])).not.toBe('still open');
    },
  );
});

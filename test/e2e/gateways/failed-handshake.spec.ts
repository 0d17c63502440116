import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, RequireSession, type SessionModuleOptions, SessionStoreError } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { LoginController } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { until } from '../../support/until.js';
import { WhoGateway } from '../../support/who-gateway.js';

@WebSocketGateway()
class SecretGateway implements OnGatewayDisconnect {
  left = 0;
  handleDisconnect() {
    this.left += 1;
  }
  @SubscribeMessage('secret')
  @RequireSession()
  secret() {
    return { re: 'secret', told: true };
  }
}

describe.each(gatewayTransports)('a store that fails at the handshake, $name', ({ adapter, connect }) => {
  let server: TestApp;
  let jar: Jar;
  let store: ObservedStore;
  let client: GatewayClient | undefined;
  const start = async (options: Partial<SessionModuleOptions> = {}) => {
    server = await startApp(
      [LoginController],
      { store, logger: { warn: () => undefined, error: () => undefined }, ...options },
      {
        providers: [WhoGateway, SecretGateway],
        before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app))),
      },
    );
  };
  const login = (id: string, as = jar) =>
    as.fetch(`${server.url}/login`, {
      ...post({ id }),
      headers: { 'content-type': 'application/json', 'user-agent': 'the browser' },
    });
  const open = async (fails: boolean, headers: Record<string, string> = {}) => {
    if (fails) store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
    client = await connect(server.url, { cookie: jar.header, ...headers });
    store.failure = undefined;
    return client;
  };
  const watched = () => watchOf(server.app.get(SessionManager)).size;
  beforeEach(() => {
    jar = new Jar();
    store = new ObservedStore(new MemoryStore());
    client = undefined;
  });
  afterEach(async () => {
    client?.close();
    await server.close();
  });

  it.each([false, true])('"bindTo" refuses the cookie in another browser (it fails: %s)', async (fails) => {
    await start({ bindTo: ['userAgent'], onMismatch: 'destroy' });
    await login('7');
    const thief = await open(fails, { 'user-agent': 'a thief' });
    expect(await thief.ask('secret')).toMatchObject({ exception: { statusCode: 401 } });
  });

  it('"bindTo" lets the browser itself in', async () => {
    await start({ bindTo: ['userAgent'], onMismatch: 'destroy' });
    await login('7');
    expect(await (await open(true, { 'user-agent': 'the browser' })).ask('secret')).toEqual({ told: true });
  });

  it.each([false, true])('an old cookie of the same name locks nobody out (it fails: %s)', async (fails) => {
    await start();
    const old = new Jar();
    await login('7', old);
    const { header } = old;
    await old.fetch(`${server.url}/logout`, post());
    await login('7');
    expect(await (await open(fails, { cookie: `${header}; ${jar.header}` })).ask('who')).toEqual({ principal: '7' });
  });

  it('two first messages at once read it once, and nothing is watched when the client has left', async () => {
    await start();
    await login('7');
    const socket = await open(true);
    expect(watched()).toBe(0);
    store.forget();
    const held = store.hold('load');
    const asked = [socket.ask('who'), socket.ask('who')];
    await held.reached;
    held.open();
    expect(await Promise.all(asked)).toEqual([{ principal: '7' }, { principal: '7' }]);
    expect([watched(), store.names]).toEqual([1, ['load']]);
    socket.close();
    await until(() => watched() === 0);
  });

  it('a client that leaves while its first message reads the session is not watched', async () => {
    await start();
    await login('7');
    const socket = await open(true);
    const held = store.hold('load');
    void socket.ask('who');
    await held.reached;
    socket.close();
    await until(() => server.app.get(SecretGateway).left === 1);
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    // As many turns as the read takes.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(watched()).toBe(0);
  });
});

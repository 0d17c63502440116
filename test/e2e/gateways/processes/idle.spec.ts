import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketGateway } from '@nestjs/websockets';
import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../../lib/session-manager.js';
import { watchOf } from '../../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { LoginController, ManualClock } from '../../../support/login-app.js';
import { ObservedStore } from '../../../support/observed-store.js';
import { OwnBus } from '../../../support/own-bus.js';

const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
const SESSIONS = 1_000;
const SOCKETS = 5_000;

@WebSocketGateway()
class IdleGateway {}

let server: TestApp;
let clients: GatewayClient[] = [];
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.close();
});

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

it.each([
  // By then `touchInterval` has passed, and its principal's revocation mark is read too.
  ['with a bus', new OwnBus(), 5 * 60_000, 2],
  ['without one', false as const, 5_000, 1],
])(
  '5,000 idle sockets of 1,000 sessions %s: one timer, one look at each session, and all end by time (#15)',
  async (_, bus, everyMs, reads) => {
    const clock = new ManualClock();
    const store = new ObservedStore(new MemoryStore({ clock }));
    server = await startApp(
      [LoginController],
      { store, clock, bus, idleTimeout: '1h' },
      {
        providers: [IdleGateway],
        before: (app) => app.useWebSocketAdapter(withSessions(app, new WsAdapter(app))),
      },
    );
    const jars: Jar[] = [];
    for (let n = 0; n < SESSIONS; n += 1) {
      const jar = new Jar();
      await jar.fetch(`${server.url}/login`, post({ id: `user${n}` }));
      jars.push(jar);
    }
    const before = timers();
    const [first, ...others] = Array.from({ length: SOCKETS }, (_, n) => jars[n % SESSIONS]!);
    clients = [await connect(server.url, { cookie: first!.header })];
    const watch = watchOf(server.app.get(SessionManager));
    while (bus !== false && !watch.isHearing) await new Promise((resolve) => setImmediate(resolve));
    while (others.length > 0)
      clients.push(
        ...(await Promise.all(others.splice(0, 100).map(({ header }) => connect(server.url, { cookie: header })))),
      );
    expect(watch.size).toBe(SESSIONS);
    // The watch's own, and with a bus the one that sees whether it works.
    expect(timers() - before).toBeLessThanOrEqual(2);

    await watch.tick();
    store.forget();
    clock.advance(everyMs - 1);
    await watch.tick();
    expect(store.names).toEqual([]);
    clock.advance(1);
    await watch.tick();
    expect(new Set(store.names)).toEqual(new Set(['load']));
    expect(store.calls.length).toBe(reads * SESSIONS);
    expect(new Set(store.calls.map(({ id }) => id)).size).toBe(reads * SESSIONS);

    clock.advance(60 * 60_000);
    await watch.tick();
    expect(new Set(await Promise.all(clients.map(({ closed }) => closed)))).toEqual(new Set([4401]));
    expect(watch.size).toBe(0);
  },
  120_000,
);

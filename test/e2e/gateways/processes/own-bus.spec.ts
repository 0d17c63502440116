import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketGateway } from '@nestjs/websockets';
import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore, type SessionBus, SessionRegistry } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../../lib/session-manager.js';
import { watchOf } from '../../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { LoginController } from '../../../support/login-app.js';
import { OwnBus } from '../../../support/own-bus.js';
import { isHeard } from '../../../support/watching.js';

@WebSocketGateway()
class IdleGateway {}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
let server: TestApp | undefined;
let client: GatewayClient | undefined;
let logged: string[] = [];

/** An app with one open socket. */
async function start(bus: SessionBus): Promise<TestApp> {
  const logger = { warn: (message: string) => void logged.push(message), error: () => undefined };
  server = await startApp(
    [LoginController],
    { store: new MemoryStore(), bus, logger },
    {
      providers: [IdleGateway],
      before: (app) => app.useWebSocketAdapter(withSessions(app, new WsAdapter(app), { revalidate: '1h' })),
    },
  );
  const jar = new Jar();
  await jar.fetch(`${server.url}/login`, post({ id: '7' }));
  client = await connect(server.url, { cookie: jar.header });
  return server;
}

/** What the timer of the bus does every 30 s. */
const check = ({ app }: TestApp): Promise<void> => {
  const { bus } = watchOf(app.get(SessionManager)) as unknown as { bus: { check(): Promise<void> } };
  return bus.check();
};

afterEach(async () => {
  client?.close();
  await server?.close();
  server = client = undefined;
  logged = [];
});

it('a bus that stops answering is noticed, and logged once (#15.4)', async () => {
  const bus = new OwnBus();
  const started = await start(bus);
  await isHeard(started);
  bus.publish = () => never();
  await check(started);
  expect(watchOf(started.app.get(SessionManager)).isHearing).toBe(false);
  await check(started);
  expect(logged.map((said) => said.split(',')[0]).toSorted()).toEqual([
    'Other processes do not learn immediately of sessions that end here',
    'This process does not learn immediately of sessions that end in others',
  ]);
  expect(logged[0]).toContain('it has not answered within 2 s');
});

it('a bus that never subscribes is logged once (#15.4)', async () => {
  const bus = new OwnBus();
  bus.subscribe = () => never();
  await check(await start(bus));
  expect(logged).toEqual([expect.stringMatching(/^This process does not learn.*it has not answered within 2 s/)]);
});

it('a bus that never unsubscribes does not block the shutdown (#15.4)', async () => {
  const bus = new OwnBus();
  bus.subscribe = async (hear) => {
    bus.on('text', hear);
    return () => never();
  };
  const started = await start(bus);
  started.app.get(SessionRegistry).allEvents.subscribe();
  await isHeard(started);
  server = undefined;
  await started.close();
  expect(logged).toEqual([]);
});

it('a bus whose subscribe() returns no function is logged with what it returned (#15.4)', async () => {
  const bus = new OwnBus();
  bus.subscribe = async () => 'done' as unknown as () => Promise<void>;
  await check(await start(bus));
  expect(logged).toEqual([
    expect.stringContaining('its subscribe() returned "done", and must return a function that unsubscribes'),
  ]);
});

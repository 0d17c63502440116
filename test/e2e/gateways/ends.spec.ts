import type { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type MessageEvent,
  Sse,
  UseGuards,
} from '@nestjs/common';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { concatWith, fromEvent, map, merge, NEVER, type Observable, of, Subject, takeUntil } from 'rxjs';
import {
  MemoryStore,
  Session,
  type SessionModuleOptions,
  SessionRegistry,
  SessionSignal,
  SessionStoreError,
} from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { copyOf, gate, idIn, LoginController, ManualClock } from '../../support/login-app.js';
import { type AnySession } from '../../support/login-app.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { ObservedStore } from '../../support/observed-store.js';
import { until } from '../../support/until.js';

const news = new Subject<string>();

@WebSocketGateway()
class ChatGateway implements OnGatewayConnection {
  onConnection: (client: EventEmitter) => void = () => undefined;
  handleConnection(client: EventEmitter) {
    this.onConnection(client);
  }
  @SubscribeMessage('who')
  who(@Session() session: AnySession) {
    return { re: 'who', principal: session.info.principal, aborted: session.signal.aborted };
  }
  @SubscribeMessage('logout')
  async logout(@Session() session: AnySession) {
    await session.logout();
  }
}

let late: ServerResponse | undefined;
let isLateHandled = false;

/** A guard of the app's that asks a database first. */
@Injectable()
class LateGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    late = context.switchToHttp().getResponse<ServerResponse>();
    await gate.pass('late');
    return true;
  }
}

@Controller()
class StreamController {
  @Sse('events')
  events(@SessionSignal() signal: AbortSignal): Observable<MessageEvent> {
    const told = merge(of('hello'), news).pipe(map((data) => ({ data })));
    return told.pipe(takeUntil(fromEvent(signal, 'abort')));
  }
  @Sse('lasting')
  lasting(@SessionSignal({ keepAlive: true }) signal: AbortSignal): Observable<MessageEvent> {
    return of({ data: 'hello' }).pipe(concatWith(NEVER), takeUntil(fromEvent(signal, 'abort')));
  }
  @Sse('late')
  @UseGuards(LateGuard)
  late(@SessionSignal({ keepAlive: true }) _: AbortSignal): Observable<MessageEvent> {
    isLateHandled = true;
    return of({ data: 'hello' }).pipe(concatWith(NEVER));
  }
  @Get('over')
  async over(@Session() session: AnySession) {
    const before = session.signal;
    await session.logout();
    return { before: before.aborted, after: session.signal.aborted };
  }
}

const servers: TestApp[] = [];
const clients: GatewayClient[] = [];
let clock: ManualClock;
let store: ObservedStore;
let jar: Jar;
let adapterOf = gatewayTransports[0]!.adapter;

const start = async (options: Partial<SessionModuleOptions> = {}): Promise<TestApp> => {
  const server = await startApp(
    [LoginController, StreamController],
    { store, clock, ...options },
    { providers: [ChatGateway], before: (app) => app.useWebSocketAdapter(withSessions(app, adapterOf(app))) },
  );
  servers.push(server);
  return server;
};
const begin = (): void => {
  clock = new ManualClock();
  store = new ObservedStore(new MemoryStore({ clock }));
  jar = new Jar();
};
const login = async (server: TestApp, id = '7', as = jar): Promise<Jar> => {
  await as.fetch(`${server.url}/login`, post({ id }));
  return as;
};
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) await server.close();
});

describe.each(gatewayTransports.filter(({ name }) => !name.includes('polling')))(
  'the end of a session over $name',
  ({ adapter, connect, closedByServer }) => {
    const open = async (server: TestApp, as = jar) => {
      const client = await connect(server.url, { cookie: as.header });
      clients.push(client);
      return client;
    };
    const setUp = async (options: Partial<SessionModuleOptions> = {}) => {
      adapterOf = adapter;
      begin();
      const server = await start(options);
      await login(server);
      return { server, registry: server.app.get(SessionRegistry), client: await open(server) };
    };
    const isOpen = async (client: GatewayClient) => (await client.ask('who')).principal;

    it.each<[string, (server: TestApp, registry: SessionRegistry) => Promise<unknown>]>([
      ['a logout', (server) => jar.fetch(`${server.url}/logout`, post())],
      ['revokeAll()', (_, registry) => registry.revokeAll('7')],
      [
        'revoke()',
        async (_, registry) => registry.revoke((await registry.list({ principal: '7' })).sessions[0]!.handle),
      ],
      ['an eviction', (server) => login(server, '7', new Jar())],
      ['a logout by registry.open()', async (_, registry) => (await registry.open(idIn(jar)))!.destroy()],
    ])('%s closes its sockets, and no others (#15.3)', async (_, end) => {
      const { server, registry, client } = await setUp({ maxSessionsPerPrincipal: 1 });
      const [second, other] = [await open(server), await open(server, await login(server, '8', new Jar()))];
      await end(server, registry);
      expect(await Promise.all([client.closed, second.closed])).toEqual([closedByServer, closedByServer]);
      expect(await isOpen(other)).toBe('8');
    });

    it('a logout in a message closes them too (#15.3)', async () => {
      const { client } = await setUp();
      void client.ask('logout');
      expect(await client.closed).toBe(closedByServer);
    });

    it('time closes them (#15.3)', async () => {
      const { client } = await setUp({ idleTimeout: '10m' });
      clock.advance(10 * 60_000);
      expect(await client.closed).toBe(closedByServer);
    });

    it('a session that HTTP requests keep alive goes on (#15.3)', async () => {
      const { server, client } = await setUp({ idleTimeout: '10m', touchInterval: '1m' });
      for (let round = 0; round < 3; round += 1) {
        clock.advance(9 * 60_000);
        await jar.fetch(`${server.url}/me`);
      }
      expect(await isOpen(client)).toBe('7');
    });

    it('an id that is renewed, or a login that is confirmed, leaves them open (#15.3)', async () => {
      const { server, client } = await setUp();
      const old = copyOf(jar);
      await jar.fetch(`${server.url}/renew`, post());
      await jar.fetch(`${server.url}/confirm`, post());
      expect(jar.header).not.toBe(old.header);
      clock.advance(6_000);
      expect(await isOpen(client)).toBe('7');
      await jar.fetch(`${server.url}/logout`, post());
      expect(await client.closed).toBe(closedByServer);
    });

    it('another user who logs in in the same browser closes them (#15.3)', async () => {
      const { server, client } = await setUp();
      await login(server, '8');
      expect(await client.closed).toBe(closedByServer);
    });

    it('an end in another process closes them within "revalidate" (#15.3)', async () => {
      const { client } = await setUp();
      const elsewhere = await start();
      await elsewhere.app.get(SessionRegistry).revokeAll('7');
      expect(await isOpen(client)).toBe('7');
      clock.advance(5_000);
      expect(await client.closed).toBe(closedByServer);
    });

    it('a store that fails closes nothing (#15.3)', async () => {
      const { client } = await setUp();
      store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
      store.forget();
      clock.advance(5_000);
      while (store.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      store.failure = undefined;
      clock.advance(5_000);
      expect(await isOpen(client)).toBe('7');
    });
  },
);

it("a listener of the app's that throws while a socket is closed leaves no other open, and is logged (#15.3)", async () => {
  begin();
  const { adapter, connect, closedByServer } = gatewayTransports.find(({ name }) => name === 'socket.io')!;
  adapterOf = adapter;
  const logged: unknown[] = [];
  const logger = { warn: () => undefined, error: (...said: unknown[]) => void logged.push(said) };
  const failure = new Error('of the app');
  const server = await start({ logger });
  await login(server);
  const gateway = server.app.get(ChatGateway);
  gateway.onConnection = (client) =>
    void client.once('disconnecting', () => {
      throw failure;
    });
  for (let n = 0; n < 3; n += 1) clients.push(await connect(server.url, { cookie: jar.header }));
  await server.app.get(SessionRegistry).revokeAll('7');
  expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(clients.map(() => closedByServer));
  expect(logged).toEqual(
    clients.map(() => ['A socket or stream of a session that has ended could not be closed.', failure]),
  );
});

describe('session.signal', () => {
  it('ends an event stream that it is given to (#15.3)', async () => {
    begin();
    const server = await start();
    await login(server);
    const answer = await jar.fetch(`${server.url}/events`);
    const text = answer.text();
    await server.app.get(SessionRegistry).revokeAll('7');
    expect(await text).toContain('data: hello');
  });

  it('keeps the session alive while its stream is open, if asked to, and no longer (#15.6)', async () => {
    begin();
    const server = await start({ idleTimeout: '10m', touchInterval: '1m' });
    await login(server);
    const watch = watchOf(server.app.get(SessionManager));
    const stream = new AbortController();
    await jar.fetch(`${server.url}/lasting`, { signal: stream.signal });
    store.forget();
    for (let minute = 0; minute < 30; minute += 1) {
      clock.advance(60_000);
      await watch.tick();
      await watch.tick();
    }
    expect(store.names.filter((name) => name === 'replace')).toHaveLength(30);
    const { sessions } = await server.app.get(SessionRegistry).list({ principal: '7' });
    expect(sessions).toHaveLength(1);
    stream.abort();
    await until(() => watch.size === 0);
    clock.advance(10 * 60_000);
    expect(await (await jar.fetch(`${server.url}/me`)).json()).toMatchObject({ isNew: true });
  });

  it('keeps nothing alive for a client that left before its stream began', async () => {
    begin();
    const server = await start({ idleTimeout: '10m', touchInterval: '1m' });
    await login(server);
    const watch = watchOf(server.app.get(SessionManager));
    // Another stream, so that the session stays watched.
    const other = new AbortController();
    await jar.fetch(`${server.url}/events`, { signal: other.signal });
    const door = gate.close('late');
    const stream = new AbortController();
    const gone = jar.fetch(`${server.url}/late`, { signal: stream.signal }).catch(() => undefined);
    await door.arrived;
    stream.abort();
    await gone;
    await until(() => late?.closed);
    door.open();
    await until(() => isLateHandled);
    store.forget();
    clock.advance(9 * 60_000);
    await watch.tick();
    other.abort();
    expect(store.names).not.toContain('replace');
  });

  it('is aborted in the request that ends the session (#15.3)', async () => {
    begin();
    const server = await start();
    await login(server);
    expect(await (await jar.fetch(`${server.url}/over`)).json()).toMatchObject({ after: true });
  });

  it('of a job aborts too (#15.3)', async () => {
    begin();
    const server = await start();
    await login(server);
    const registry = server.app.get(SessionRegistry);
    const { signal } = (await registry.open(idIn(jar)))!;
    expect(signal.aborted).toBe(false);
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await registry.revokeAll('7');
    await aborted;
    expect((signal.reason as Error).message).toBe('The session has ended.');
  });

  it('is let go of when the answer has left, and costs no timer then (#15.3)', async () => {
    begin();
    const server = await start();
    await login(server);
    const watch = watchOf(server.app.get(SessionManager));
    const stream = new AbortController();
    await jar.fetch(`${server.url}/events`, { signal: stream.signal });
    expect(watch.size).toBe(1);
    stream.abort();
    await until(() => watch.size === 0);
  });
});

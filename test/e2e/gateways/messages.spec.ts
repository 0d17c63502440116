import { UseGuards } from '@nestjs/common';
import { Ack, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import {
  MemoryStore,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionGuard,
  SessionId,
  type SessionModuleOptions,
  SessionStoreError,
} from 'nestjs-keycard';
import { type SocketSessionOptions, withSessions } from 'nestjs-keycard/websockets';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { type AnySession, gate, LoginController, ManualClock, type Me } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';

@WebSocketGateway()
class ChatGateway {
  @SubscribeMessage('whole')
  whole(@Session() session: AnySession) {
    return { re: 'whole', data: { ...session }, principal: session.info.principal ?? null };
  }
  @SubscribeMessage('key')
  key(@Session('name') name: unknown, @SessionId() id: string) {
    return { re: 'key', name, hasId: typeof id === 'string' };
  }
  @SubscribeMessage('set')
  async set(@Session() session: AnySession, @MessageBody() values: Record<string, unknown>) {
    await gate.pass('message');
    Object.assign(session, values);
    return { re: 'set', saved: true };
  }
  @SubscribeMessage('stream')
  stream(@Session() session: AnySession) {
    session['streamed'] = true;
    return of({ re: 'stream', saved: true });
  }
  @SubscribeMessage('count')
  async count(@Session() session: AnySession) {
    await session.update((draft) => void (draft['count'] = Number(draft['count'] ?? 0) + 1));
    return { re: 'count', count: session['count'] };
  }
  @SubscribeMessage('guarded')
  @UseGuards(SessionGuard)
  guarded() {
    return { re: 'guarded', inside: true };
  }
  @SubscribeMessage('admin')
  @RequireSession((session) => (session as unknown as AnySession)['role'] === 'admin')
  admin() {
    return { re: 'admin', inside: true };
  }
  @SubscribeMessage('recent')
  @RequireRecentLogin('1m')
  recent() {
    return { re: 'recent', inside: true };
  }
  @SubscribeMessage('verb')
  async verb(@Session() session: AnySession, @MessageBody() name: 'renew' | 'regenerate' | 'confirmLogin') {
    const error = await session[name]().then(
      () => undefined,
      (thrown: Error) => thrown.message,
    );
    return { re: 'verb', error };
  }
  @SubscribeMessage('plain')
  plain() {
    return { re: 'plain', plain: true };
  }
}

@WebSocketGateway()
class AckGateway {
  @SubscribeMessage('ack')
  ack(@Session() session: AnySession, @Ack() acknowledge: (value: unknown) => void) {
    session['acked'] = true;
    acknowledge({ re: 'ack', acked: true });
  }
}

let server: TestApp;
const clients: GatewayClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

describe.each(gatewayTransports)(
  'messages to a gateway over $name',
  ({ name, adapter, connect, refusals, closedByServer }) => {
    let jar: Jar;
    let clock: ManualClock;
    let store: ObservedStore;
    const isWs = name === 'ws';

    const start = async (sockets: SocketSessionOptions = {}, options: Partial<SessionModuleOptions> = {}) => {
      jar = new Jar();
      clock = new ManualClock();
      store = new ObservedStore(new MemoryStore({ clock }));
      server = await startApp(
        [LoginController],
        { store, clock, ...options },
        {
          providers: [ChatGateway, ...(isWs ? [] : [AckGateway])],
          before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app), sockets)),
        },
      );
    };
    const login = (id = '7', data?: Record<string, unknown>) => jar.fetch(`${server.url}/login`, post({ id, data }));
    const open = async (headers: Record<string, string> = {}) => {
      const client = await connect(server.url, { cookie: jar.header, ...headers });
      clients.push(client);
      return client;
    };
    const stored = async () => ((await (await jar.fetch(`${server.url}/me`)).json()) as Me).data;

    it('the decorators give the session of the cookie that the handshake brought (#15.2)', async () => {
      await start();
      await login('7', { name: 'Ada' });
      const client = await open();
      expect(await client.ask('whole')).toEqual({ data: { name: 'Ada' }, principal: '7' });
      expect(await client.ask('key')).toEqual({ name: 'Ada', hasId: true });
    });

    it('the guard and its decorators refuse with a WsException that says the reason (#15.2)', async () => {
      await start();
      const guest = await open();
      expect((await guest.ask('guarded')).exception).toMatchObject({ statusCode: 401, reason: 'login-required' });
      await login();
      const client = await open();
      expect(await client.ask('guarded')).toEqual({ inside: true });
      expect((await client.ask('admin')).exception).toMatchObject({ statusCode: 403, reason: 'forbidden' });
      expect(await client.ask('recent')).toEqual({ inside: true });
      clock.advance(61_000);
      expect((await client.ask('recent')).exception).toMatchObject({ reason: 'recent-login-required' });
    });

    it('what a handler changes is saved before its answer leaves (#15.2)', async () => {
      await start();
      await login();
      const client = await open();
      const held = store.hold('replace');
      const asked = client.ask('set', { color: 'red' });
      await held.reached;
      let isAnswered = false;
      void asked.then(() => (isAnswered = true));
      await client.ask('plain');
      expect(isAnswered).toBe(false);
      held.open();
      expect(await asked).toEqual({ saved: true });
      expect(await stored()).toMatchObject({ color: 'red' });
      expect(await client.ask('stream')).toEqual({ saved: true });
      expect(await stored()).toMatchObject({ color: 'red', streamed: true });
    });

    it('an acknowledgement that the handler gives by itself waits for the save too (#15.2)', async () => {
      await start();
      await login();
      if (isWs) return;
      const client = await open();
      expect(await client.ask('ack')).toEqual({ acked: true });
      expect(await stored()).toMatchObject({ acked: true });
    });

    it("messages of two sockets and HTTP requests keep each other's changes (#15.2)", async () => {
      await start();
      await login();
      const [one, two] = [await open(), await open()];
      const door = gate.close('message');
      const slow = one.ask('set', { one: 1 });
      await door.arrived;
      door.open();
      await Promise.all([slow, two.ask('set', { two: 2 }), jar.fetch(`${server.url}/set`, post({ three: 3 }))]);
      await one.ask('set', { four: 4 });
      await two.ask('set', { five: 5 });
      expect(await stored()).toMatchObject({ one: 1, two: 2, three: 3, four: 4, five: 5 });
    });

    it('every update() counts, from every client (#15.2)', async () => {
      await start();
      await login();
      const sockets = [await open(), await open(), await open()];
      for (let round = 0; round < 10; round += 1) await Promise.all(sockets.map((socket) => socket.ask('count')));
      expect(await stored()).toMatchObject({ count: 30 });
    });

    it('a message costs no store call within "revalidate", and one after it (#15.2)', async () => {
      await start({ revalidate: '5s' });
      await login();
      const client = await open();
      store.forget();
      for (let round = 0; round < 3; round += 1) await client.ask('whole');
      expect(store.names).toEqual([]);
      await jar.fetch(`${server.url}/set`, post({ color: 'blue' }));
      clock.advance(5_000);
      store.forget();
      expect(await client.ask('whole')).toMatchObject({ data: { color: 'blue' } });
      await client.ask('plain');
      expect(store.names).toEqual(['load']);
    });

    it('messages keep the session alive, at most every touchInterval (#15.2)', async () => {
      await start({}, { idleTimeout: '10m', touchInterval: '1m' });
      await login();
      const client = await open();
      for (let minute = 0; minute < 15; minute += 1) {
        clock.advance(60_000);
        store.forget();
        await client.ask('plain');
        await client.ask('plain');
        expect(store.names.filter((call) => call === 'replace')).toHaveLength(1);
      }
      expect(await client.ask('guarded')).toEqual({ inside: true });
    });

    it('with keepAlive: false they do not (#15.2)', async () => {
      await start({ keepAlive: false }, { idleTimeout: '10m', touchInterval: '1m' });
      await login();
      const client = await open();
      clock.advance(9 * 60_000);
      store.forget();
      await client.ask('whole');
      expect(store.names).not.toContain('replace');
      clock.advance(61_000);
      void client.ask('guarded');
      expect(await client.closed).toBe(closedByServer);
    });

    it('verbs that need a cookie throw a sentence (#15.2)', async () => {
      await start();
      await login();
      const client = await open();
      for (const verb of ['renew', 'regenerate', 'confirmLogin'])
        expect((await client.ask('verb', verb)).error).toContain(
          `session.${verb}() gives the session a new id, but a message over a WebSocket can't set a cookie`,
        );
    });

    it('a change that can not be saved is reported in place of the reply (#15.2)', async () => {
      await start();
      await login();
      const client = await open();
      store.failing = ['replace'];
      store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
      expect((await client.ask('set', { lost: 1 })).exception).toMatchObject({ statusCode: 503 });
      store.failure = undefined;
      expect(await client.ask('set', { kept: 1 })).toEqual({ saved: true });
      expect(await stored()).toEqual({ kept: 1 });
    });

    it('a visitor without a session can read, and is told that a change is lost (#15.2)', async () => {
      await start();
      const client = await open();
      expect(await client.ask('whole')).toEqual({ data: {}, principal: null });
      expect((await client.ask('set', { lost: 1 })).exception).toMatchObject({ statusCode: 503 });
    });

    it('requireSession refuses before the connection is made (#15.2)', async () => {
      await start({ requireSession: true });
      await expect(open()).rejects.toThrow(refusals.session);
      await expect(open({ cookie: 'sid=s%3Aforged.forged' })).rejects.toThrow(refusals.session);
      await login();
      expect(await (await open()).ask('guarded')).toEqual({ inside: true });
    });

    it('pages of another origin may not connect, unless they are named (#15.2, ASVS 4.4.2)', async () => {
      await start();
      await login();
      await expect(open({ origin: 'https://evil.example' })).rejects.toThrow(refusals.origin);
      await expect(open({ origin: 'null' })).rejects.toThrow(refusals.origin);
      expect(await (await open({ origin: server.url })).ask('guarded')).toEqual({ inside: true });
      await server.close();
      await start({ origins: ['https://app.example'] });
      await login();
      await expect(open({ origin: server.url })).rejects.toThrow(refusals.origin);
      expect(await (await open({ origin: 'https://app.example' })).ask('guarded')).toEqual({ inside: true });
    });
  },
);

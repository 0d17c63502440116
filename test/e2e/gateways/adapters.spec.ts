import type { INestApplication, Type } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Server, ServerOptions } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { MemoryStore, Session, SessionOptionsError } from 'nestjs-keycard';
import { type SocketSessionOptions, withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, LoginController } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { until } from '../../support/until.js';

interface Joining {
  join(room: string): unknown;
  to(room: string): { emit(event: string, data: unknown): unknown };
}

@WebSocketGateway()
class MainGateway {
  @SubscribeMessage('who')
  who(@Session() session: AnySession) {
    return { principal: session.info.principal };
  }
  @SubscribeMessage('room')
  room(@ConnectedSocket() client: Joining, @Session() session: AnySession, @MessageBody() room: string) {
    client.join(room);
    client.to(room).emit('joined', session.info.principal);
    return { joined: room };
  }
}

@WebSocketGateway({ namespace: 'admin' })
class AdminGateway {
  @SubscribeMessage('who')
  who(@Session() session: AnySession) {
    return { admin: session.info.principal };
  }
}

@WebSocketGateway({ path: '/second' })
class SecondGateway {
  @SubscribeMessage('who')
  who(@Session() session: AnySession) {
    return { second: session.info.principal };
  }
}

/** An adapter of an app's own: what it makes of the options is its affair. */
class OwnAdapter extends IoAdapter {
  asked: string[] = [];

  constructor(
    app: INestApplication,
    private readonly own: Partial<ServerOptions> = {},
  ) {
    super(app);
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const allowRequest: ServerOptions['allowRequest'] = (request, done) => {
      this.asked.push(String(request.headers['x-client']));
      done(null, request.headers['x-client'] !== 'unwanted');
    };
    return super.createIOServer(port, {
      ...options,
      allowRequest,
      connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
      ...this.own,
    } as ServerOptions);
  }
}

let server: TestApp;
let jar: Jar;
let store: ObservedStore;
const sockets: { close(): unknown }[] = [];

const start = async (
  adapter: (app: INestApplication) => IoAdapter | WsAdapter,
  gateways: Type[] = [MainGateway, AdminGateway],
  options: SocketSessionOptions = {},
): Promise<void> => {
  jar = new Jar();
  store = new ObservedStore(new MemoryStore());
  server = await startApp(
    [LoginController],
    { store },
    { providers: gateways, before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app), options)) },
  );
  await jar.fetch(`${server.url}/login`, post({ id: '7' }));
};
const connect = async (path = '', headers: Record<string, string> = {}): Promise<Socket> => {
  const socket = io(server.url + path, {
    extraHeaders: { cookie: jar.header, ...headers },
    transports: ['polling', 'websocket'],
    forceNew: true,
    reconnectionDelay: 5,
  });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
};
const ask = (socket: Socket, event: string, data?: unknown): Promise<unknown> => socket.emitWithAck(event, data);

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await server?.close();
});

describe('socket.io', () => {
  it('all namespaces of a connection share what the handshake read (#15.2)', async () => {
    await start((app) => new IoAdapter(app));
    store.forget();
    const main = await connect();
    const admin = main.io.socket('/admin');
    sockets.push(admin);
    await new Promise<void>((resolve) => admin.once('connect', resolve));
    expect(await ask(main, 'who')).toEqual({ principal: '7' });
    expect(await ask(admin, 'who')).toEqual({ admin: '7' });
    expect(store.names).toEqual(['load']);
    const closed = Promise.all(
      [main, admin].map((socket) => new Promise((resolve) => socket.once('disconnect', resolve))),
    );
    await jar.fetch(`${server.url}/logout`, post());
    expect(await closed).toHaveLength(2);
  });

  it('rooms work, and are left when the session ends (#15.2)', async () => {
    await start((app) => new IoAdapter(app));
    const [one, two] = [await connect(), await connect()];
    await ask(one, 'room', 'news');
    const told = new Promise((resolve) => one.once('joined', resolve));
    await ask(two, 'room', 'news');
    expect(await told).toBe('7');
  });

  it('a client that connects again brings its cookie again (#15.2)', async () => {
    await start((app) => new IoAdapter(app));
    const socket = await connect();
    const again = new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.io.engine.close();
    await again;
    expect(await ask(socket, 'who')).toEqual({ principal: '7' });
  });

  it("an adapter of the app's own keeps its server, its allowRequest and connection state recovery (#15.2)", async () => {
    let adapter!: OwnAdapter;
    await start((app) => (adapter = new OwnAdapter(app)));
    const socket = await connect('', { 'x-client': 'wanted' });
    await expect(connect('', { 'x-client': 'unwanted' })).rejects.toThrow();
    expect(adapter.asked).toEqual(['wanted', 'unwanted']);
    await ask(socket, 'room', 'news');
    // Recovery needs a packet with an offset, which a broadcast has.
    const other = await connect('', { 'x-client': 'wanted' });
    const told = new Promise((resolve) => socket.once('joined', resolve));
    await ask(other, 'room', 'news');
    await told;
    const again = new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.io.engine.close();
    await again;
    expect(socket.recovered).toBe(true);
    expect(await ask(socket, 'who')).toEqual({ principal: '7' });
    const closed = new Promise((resolve) => socket.once('disconnect', resolve));
    await jar.fetch(`${server.url}/logout`, post());
    expect(await closed).toBe('io server disconnect');
  });

  it('a client that the app refuses, or that never asks for a namespace, is not watched (#15.3)', async () => {
    let adapter!: OwnAdapter;
    await start((app) => (adapter = new OwnAdapter(app, { pingInterval: 20, pingTimeout: 20 })));
    const watch = watchOf(server.app.get(SessionManager));
    const poll = (client: string) =>
      jar.fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { 'x-client': client } });
    expect([(await poll('unwanted')).status, watch.size]).toEqual([403, 0]);
    expect([(await poll('wanted')).status, watch.size]).toEqual([200, 1]);
    expect(adapter.asked).toEqual(['unwanted', 'wanted']);
    await until(() => watch.size === 0);
  });

  it('wrong options and adapters are refused in a sentence (#15.2)', async () => {
    await start((app) => new IoAdapter(app));
    const wrap = (options: object, adapter: unknown = new IoAdapter(server.app)) =>
      withSessions(server.app, adapter as IoAdapter, options);
    expect(() => wrap({ origin: [] })).toThrow(/"origin", which is no option of it.*"origins"/);
    expect(() => wrap({ origins: ['https://app.example/'] })).toThrow(/without a path/);
    expect(() => wrap({ requireSession: 'yes' })).toThrow(SessionOptionsError);
    expect(() => wrap({ revalidate: 'soon' })).toThrow(/"revalidate" got "soon"/);
    expect(() => wrap({}, {})).toThrow(/it takes a WebSocket adapter/);
  });
});

describe('ws', () => {
  it('gateways on paths of their own have their session (#15.2)', async () => {
    await start((app) => new WsAdapter(app), [MainGateway, SecondGateway]);
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/second`, { headers: { cookie: jar.header } });
    sockets.push(socket);
    await once(socket, 'open');
    socket.send(JSON.stringify({ event: 'who' }));
    expect(JSON.parse(String((await once(socket, 'message'))[0]))).toEqual({ second: '7' });
  });

  it('a server on a port of its own, and verifyClient of the app, work (#15.2)', async () => {
    class PortAdapter extends WsAdapter {
      override create(port: number, options?: Record<string, unknown>): never {
        const verifyClient = ({ req }: { req: { headers: Record<string, unknown> } }) =>
          req.headers['x-client'] !== 'unwanted';
        return super.create(port, { ...options, verifyClient }) as never;
      }
    }
    await start((app) => new PortAdapter(app), [MainGateway]);
    const open = async (client: string): Promise<string> => {
      const socket = new WebSocket(server.url.replace('http', 'ws'), {
        headers: { cookie: jar.header, 'x-client': client },
      });
      sockets.push(socket);
      return Promise.race([
        once(socket, 'open').then(() => 'open'),
        once(socket, 'unexpected-response').then(([, answer]) => String((answer as { statusCode: number }).statusCode)),
      ]);
    };
    expect(await open('wanted')).toBe('open');
    expect(await open('unwanted')).toBe('401');
    // Whom the app refuses is not watched.
    for (const socket of sockets.splice(0)) socket.close();
    const watch = watchOf(server.app.get(SessionManager));
    await until(() => watch.size === 0);
  });
});

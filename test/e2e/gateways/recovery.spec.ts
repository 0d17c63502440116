import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Namespace, Server, type ServerOptions, type Socket as ServerSocket } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { MemoryStore, Session } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, LoginController } from '../../support/login-app.js';
import { until } from '../../support/until.js';

class Inbox {
  @WebSocketServer() server!: Server | Namespace;
  @SubscribeMessage('inbox')
  async inbox(@ConnectedSocket() client: ServerSocket, @Session() session: AnySession) {
    await client.join(['all', `user:${session.info.principal}`]);
    return { joined: true };
  }
}
@WebSocketGateway()
class RootGateway extends Inbox {}
@WebSocketGateway({ namespace: 'inbox' })
class NamespaceGateway extends Inbox {}
@WebSocketGateway({ namespace: /^\/inbox$/ })
class PatternGateway extends Inbox {}

class RecoveringAdapter extends IoAdapter {
  override createIOServer(port: number, options?: ServerOptions): Server {
    const all = { ...options, connectionStateRecovery: { maxDisconnectionDuration: 60_000 } };
    return super.createIOServer(port, all as ServerOptions);
  }
}

const { constructor: Adapter } = new Server().of('/').adapter as unknown as {
  constructor: new (namespace: object) => { broadcast(packet: object, opts: never): void };
};

/** Keeps sockets as an adapter that shares them between processes does: as text. */
class TextAdapter extends Adapter {
  private kept = '';
  persistSession(session: object) {
    this.kept = JSON.stringify(session);
  }
  async restoreSession() {
    return this.kept === '' ? null : { ...JSON.parse(this.kept), missedPackets: [] };
  }
  override broadcast(packet: { data: unknown[] }, opts: never) {
    packet.data.push('offset');
    super.broadcast(packet, opts);
  }
}

/** An app that sets its adapter late. */
@WebSocketGateway()
class LateGateway extends Inbox {
  afterInit(server: Server) {
    server.adapter(TextAdapter as never);
  }
}

const kinds = [
  { kind: 'a gateway', gateway: RootGateway, path: '' },
  { kind: 'a namespace', gateway: NamespaceGateway, path: '/inbox' },
  { kind: 'a namespace by a pattern', gateway: PatternGateway, path: '/inbox' },
  { kind: 'an adapter that the gateway sets', gateway: LateGateway, path: '' },
];
const ways = [['websocket'], ['polling', 'websocket']].flatMap((transports) =>
  kinds.map((kind) => ({ ...kind, transports, by: transports[0] })),
);

describe.each(ways)('connectionStateRecovery of $kind, $by first', ({ gateway, path, transports }) => {
  let server: TestApp;
  let socket: Socket;
  afterEach(async () => {
    socket.close();
    await server.close();
  });

  it.each([
    { who: 'the same user', comes: [], given: 'given back' },
    { who: 'a guest, after a logout', comes: ['logout'], given: 'not given back' },
    { who: 'another user, after a logout', comes: ['logout', '8'], given: 'not given back' },
    { who: 'another user, without a logout', comes: ['8'], given: 'not given back' },
    { who: 'the same user, after a logout', comes: ['logout', '7'], given: 'not given back' },
    { who: 'a page that has lost its cookie', comes: ['no cookie'], given: 'not given back' },
  ])('rooms and missed messages are $given to $who', async ({ comes, given: told }) => {
    const jar = new Jar();
    const providers = [gateway];
    const before = (app: INestApplication) => app.useWebSocketAdapter(withSessions(app, new RecoveringAdapter(app)));
    server = await startApp([LoginController], { store: new MemoryStore() }, { providers, before });
    await jar.fetch(`${server.url}/login`, post({ id: '7' }));
    socket = io(server.url + path, {
      extraHeaders: { cookie: jar.header },
      transports,
      forceNew: true,
      reconnection: false,
    });
    const connected = () => new Promise<void>((resolve) => socket.once('connect', resolve));
    await connected();
    expect(await socket.emitWithAck('inbox')).toEqual({ joined: true });
    const heard: string[] = [];
    socket.on('mail', (text: string) => heard.push(text));
    const { server: given } = server.app.get<Inbox>(gateway);
    const all = path === '' ? given : (given as Namespace).server.of(path);
    const send = (text: string) => all.to('user:7').emit('mail', text);
    send('before');
    await until(() => heard.length === 1);
    const cut = new Promise<void>((resolve) => socket.once('disconnect', () => resolve()));
    socket.io.engine.close();
    await cut;
    // The server has noticed too.
    await until(async () => (await all.fetchSockets()).length === 0);
    for (const step of comes)
      if (step === 'no cookie') jar.cookies.clear();
      else if (step === 'logout') await jar.fetch(`${server.url}/logout`, post());
      else await jar.fetch(`${server.url}/login`, post({ id: step }));
    socket.io.opts.extraHeaders = jar.header === '' ? {} : { cookie: jar.header };
    if (gateway !== LateGateway) send('meanwhile');
    const again = connected();
    socket.connect();
    await again;
    send('after');
    // What was sent to the room has arrived by then.
    await socket.emitWithAck('inbox');
    const missed = gateway === LateGateway ? [] : ['meanwhile'];
    expect([heard, socket.recovered]).toEqual(
      told === 'given back' ? [['before', ...missed, 'after'], true] : [['before'], false],
    );
  });
});

import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { MemoryStore, RequireSession, Session, SessionGuard } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { gatewayTransports } from '../../support/gateway-client.js';
import { type AnySession, gate, LoginController, ManualClock, type Me } from '../../support/login-app.js';
import { until } from '../../support/until.js';
import { WhoGateway } from '../../support/who-gateway.js';

@WebSocketGateway({ namespace: 'news' })
@RequireSession()
class NewsGateway extends WhoGateway {}
@WebSocketGateway({ namespace: 'chat' })
class ChatGateway extends WhoGateway {}

/** A guard of the app's that asks a database first. */
@Injectable()
class SlowGuard implements CanActivate {
  async canActivate() {
    await gate.pass('guard');
    return true;
  }
}

@WebSocketGateway()
class DraftGateway {
  @SubscribeMessage('draft')
  @UseGuards(SlowGuard, SessionGuard)
  draft(@Session() session: AnySession, @MessageBody() text: string) {
    session.draft = text;
    return { re: 'draft' };
  }
}

let server: TestApp;
let jar: Jar;
let clock: ManualClock;
beforeEach(() => {
  jar = new Jar();
  clock = new ManualClock();
});
afterEach(() => server.close());
const watched = () => watchOf(server.app.get(SessionManager)).size;

const connected = (socket: Socket) => new Promise<void>((resolve) => socket.once('connect', resolve));

describe.each([['websocket'], ['polling']])('a page that goes from one namespace to another, %s', (transport) => {
  let news: Socket;
  afterEach(() => void news.close());
  beforeEach(async () => {
    const store = new MemoryStore({ clock });
    server = await startApp(
      [LoginController],
      { store, clock },
      {
        providers: [ChatGateway, NewsGateway],
        before: (app) => app.useWebSocketAdapter(withSessions(app, new IoAdapter(app))),
      },
    );
    await jar.fetch(`${server.url}/login`, post({ id: '7' }));
    const options = { extraHeaders: { cookie: jar.header }, transports: [transport], forceNew: true };
    const chat = io(`${server.url}/chat`, options);
    await connected(chat);
    news = chat.io.socket('/news');
    const isThere = connected(news);
    chat.disconnect();
    await isThere;
    expect(await news.emitWithAck('who')).toMatchObject({ principal: '7' });
  });

  it('keeps its session in the messages that come later', async () => {
    clock.advance(6_000);
    const told = new Promise((resolve) => {
      news.once('exception', resolve);
      void news.emitWithAck('who').then(resolve);
    });
    expect(await told).toMatchObject({ principal: '7' });
  });

  it('is disconnected when the session ends, and its session is let go of when it leaves', async () => {
    const closed = new Promise((resolve) => news.once('disconnect', resolve));
    await jar.fetch(`${server.url}/logout`, post());
    expect(await closed).toBe('io server disconnect');
    expect(watched()).toBe(0);
  });

  it('leaves nothing behind', async () => {
    expect(watched()).toBe(1);
    news.close();
    await until(() => watched() === 0);
  });
});

it.each(gatewayTransports)(
  'a message is handled with its session though its page has gone, $name',
  async ({ adapter, connect }) => {
    server = await startApp(
      [LoginController],
      { store: new MemoryStore({ clock }), clock },
      { providers: [DraftGateway], before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app))) },
    );
    await jar.fetch(`${server.url}/login`, post({ id: '7' }));
    const client = await connect(server.url, { cookie: jar.header });
    clock.advance(6_000);
    const door = gate.close('guard');
    void client.ask('draft', 'hello');
    await door.arrived;
    client.close();
    await until(() => watched() === 0);
    door.open();
    await until(async () => {
      const { data } = (await (await jar.fetch(`${server.url}/me`)).json()) as Me;
      return data?.['draft'] === 'hello';
    });
  },
);

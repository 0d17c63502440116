import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CurrentSession, Flash, FlashMessages, getSession, Principal } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type GatewayClient, gatewayTransports } from '../../support/gateway-client.js';
import { LoginController, type Me } from '../../support/login-app.js';

type Data = { notes: string[] };

@Injectable()
class Notes {
  constructor(
    private readonly current: CurrentSession,
    private readonly flash: FlashMessages,
  ) {}
  async add(note: string): Promise<string | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    const session = await this.current.get<Data>();
    session.notes = [...(session.notes ?? []), note];
    await this.flash.add('notice', note);
    return session.info.principal;
  }
}

class OwnGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await getSession(context)).info.principal === '7';
  }
}

@WebSocketGateway()
class NotesGateway {
  constructor(private readonly notes: Notes) {}
  @SubscribeMessage('note')
  async note() {
    return { re: 'note', by: (await this.notes.add('noted')) ?? null };
  }
  @SubscribeMessage('own')
  @UseGuards(OwnGuard)
  own(@Principal() id: string) {
    return { re: 'own', id };
  }
  @SubscribeMessage('flash')
  async flash(@Flash() flash: FlashMessages) {
    return { re: 'flash', notices: await flash.take('notice') };
  }
}

let server: TestApp;
const clients: GatewayClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

describe.each(gatewayTransports)('a gateway over $name (#16.1, #16.2)', ({ adapter, connect }) => {
  it('has getSession(), CurrentSession, @Principal() and flash messages, and what they change is saved', async () => {
    const jars = [new Jar(), new Jar()];
    server = await startApp(
      [LoginController],
      {},
      { providers: [NotesGateway, Notes], before: (app) => app.useWebSocketAdapter(withSessions(app, adapter(app))) },
    );
    const opened = jars.map(async (jar, at) => {
      await jar.fetch(`${server.url}/login`, post({ id: String(at + 7) }));
      const client = await connect(server.url, { cookie: jar.header });
      clients.push(client);
      return client;
    });
    const [ada, bob] = (await Promise.all(opened)) as [GatewayClient, GatewayClient];
    // At once: each message has the session of its own socket.
    expect(await Promise.all([ada.ask('note'), bob.ask('note')])).toEqual([{ by: '7' }, { by: '8' }]);
    expect(await ada.ask('own')).toEqual({ id: '7' });
    expect((await bob.ask('own')).exception).toBeDefined();
    expect(await ada.ask('flash')).toEqual({ notices: ['noted'] });
    expect(await ada.ask('flash')).toEqual({ notices: [] });
    const me = (await (await jars[0]!.fetch(`${server.url}/me`)).json()) as Me;
    expect(me.data).toMatchObject({ notes: ['noted'] });
  });
});

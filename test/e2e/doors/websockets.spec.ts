import { UseGuards } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { Session, SessionGuard } from 'nestjs-keycard';
import { withSessions } from 'nestjs-keycard/websockets';
import { startApp } from '../../support/app.js';
import { describeDoor, DoorController, doorHandlers, type DoorSession } from '../../support/door-contract.js';
import { gatewayTransports, type Told } from '../../support/gateway-client.js';

type Data = Record<string, unknown>;

/** An answer, told apart from others of the same socket. */
const answer = (re: string, value: unknown) => ({ re, value });

@WebSocketGateway()
class GatewayDoor {
  @SubscribeMessage('guarded')
  @UseGuards(SessionGuard)
  guarded(@Session() session: DoorSession) {
    return answer('guarded', doorHandlers.guarded(session));
  }
  @SubscribeMessage('read')
  read(@Session() session: DoorSession) {
    return answer('read', doorHandlers.read(session));
  }
  @SubscribeMessage('set')
  set(@Session() session: DoorSession, @MessageBody() body: Data) {
    return answer('set', doorHandlers.set(session, body));
  }
  @SubscribeMessage('setHeld')
  async setHeld(@Session() session: DoorSession, @MessageBody() body: Data) {
    return answer('setHeld', await doorHandlers.setHeld(session, body));
  }
  @SubscribeMessage('increment')
  async increment(@Session() session: DoorSession) {
    return answer('increment', await doorHandlers.increment(session));
  }
  @SubscribeMessage('login')
  async login(@Session() session: DoorSession, @MessageBody() body: Data) {
    try {
      return answer('login', await doorHandlers.login(session, body));
    } catch (error) {
      throw new WsException((error as Error).message);
    }
  }
}

for (const { name, adapter, connect } of gatewayTransports) {
  describeDoor({
    name,
    refusesLogin: /a message over a WebSocket can't set a cookie/,
    endsConnections: true,
    async start(options) {
      const app = await startApp([DoorController], options, {
        providers: [GatewayDoor],
        before: (nest) => nest.useWebSocketAdapter(withSessions(nest, adapter(nest))),
      });
      return {
        url: app.url,
        close: () => app.close(),
        async connect(jar) {
          const client = await connect(app.url, { cookie: jar.header });
          return {
            closed: client.closed,
            close: () => client.close(),
            call: async (event, body) =>
              Promise.race([client.ask(event, body).then(outcome), client.closed.then(() => hasClosed())]),
          };
        },
      };
    },
  });
}

function hasClosed(): never {
  throw new Error('The server has closed the connection.');
}

function outcome({ exception, value }: Told) {
  if (exception === undefined) return { value };
  return { refused: String(exception.reason ?? exception.message) };
}

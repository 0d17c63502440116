import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Session } from 'nestjs-keycard';
import type { AnySession } from './login-app.js';

/** Whose session a message has. */
@WebSocketGateway()
export class WhoGateway {
  @SubscribeMessage('who')
  who(@Session() session: AnySession) {
    return { re: 'who', principal: session.info.principal };
  }
}

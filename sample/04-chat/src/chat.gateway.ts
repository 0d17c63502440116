import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { RequireSession, Session } from 'nestjs-keycard';
import type { ChatData, ChatSession } from './chat-session.js';

/** What is used of socket.io. */
interface Emitter {
  emit(event: string, data: unknown): void;
}

interface Line {
  readonly name: string;
  readonly text: string;
  readonly at: number;
}

const MOST_LINES = 50;
const LONGEST_LINE = 300;

@WebSocketGateway()
@RequireSession()
export class ChatGateway implements OnGatewayConnection {
  @WebSocketServer()
  private readonly everybody!: Emitter;
  private lines: Line[] = [];

  handleConnection(client: Emitter): void {
    client.emit('lines', this.lines);
  }

  /** Answers how much was said in this session; that is saved before the answer leaves. */
  @SubscribeMessage('say')
  async say(@Session() session: ChatSession, @Session('user') user: ChatData['user'], @MessageBody() body: unknown) {
    const text = String(body).trim().slice(0, LONGEST_LINE);
    if (text === '') return { said: session.said ?? 0 };
    const line = { name: user.name, text, at: Date.now() };
    this.lines = [...this.lines, line].slice(-MOST_LINES);
    this.everybody.emit('line', line);
    await session.update((draft) => void (draft.said = (draft.said ?? 0) + 1));
    return { said: session.said };
  }
}

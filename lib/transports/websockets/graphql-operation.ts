import type { RequestServices } from '../http/request-services.js';
import { MessageSession } from './message-session.js';
import type { SocketSession } from './socket-session.js';

/** Enumerable, as GraphQL servers copy their contexts. */
const OPERATION = Symbol('nestjs-keycard.operation');

/**
 * A query, a mutation or a subscription over a WebSocket. Its resolvers share one session; each event of a subscription
 * has a new one.
 */
export class GraphqlOperation {
  private current: MessageSession | undefined;
  /** Sessions of resolvers or filters that still run, but whose record was outdated. */
  private replaced: MessageSession[] = [];
  /** The operation itself is done; from now on there are events of a subscription. */
  private isAnswered = false;

  constructor(private readonly socket: SocketSession) {}

  get services(): RequestServices {
    return this.socket.services;
  }

  /** The session that resolvers get now. */
  get message(): MessageSession {
    const { current } = this;
    if (current !== undefined && !(this.isAnswered && current.isOutOfDate)) return current;
    if (current !== undefined) this.replaced = [...this.replaced.filter((each) => each.isChanged), current];
    return (this.current = new MessageSession(this.socket, !this.isAnswered));
  }

  /**
   * Saves the resolvers' changes. What comes afterwards is a new event.
   *
   * @throws SessionStateError if the session has ended meanwhile, or there is none.
   * @throws SessionStoreError if the store failed.
   */
  async finish(): Promise<void> {
    // An operation of the client extends the idle timeout, even if no resolver uses the session.
    const last = this.isAnswered ? this.current : this.message;
    const all = [...this.replaced, ...(last === undefined ? [] : [last])];
    this.isAnswered = true;
    this.replaced = [];
    this.current = undefined;
    for (const each of all) await each.finish();
  }
}

/** The operation that a GraphQL context belongs to; `undefined` over HTTP. */
export function operationOf(context: unknown): GraphqlOperation | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  return (context as { [OPERATION]?: GraphqlOperation })[OPERATION];
}

/** Marks a context as that of a new operation. */
export function beginOperation<T extends object>(context: T, socket: SocketSession): T {
  return Object.assign(context, { [OPERATION]: new GraphqlOperation(socket) });
}

import { concat, concatMap, defer, EMPTY, finalize, isObservable, type Observable } from 'rxjs';
import { currentMessage } from '../../transports/websockets/current-message.js';
import { MessageSession } from '../../transports/websockets/message-session.js';
import type { SocketSession } from '../../transports/websockets/socket-session.js';
import type { Refusal } from '../guard/refusal.js';
import { notSaved } from './not-saved.js';

/** A handler of one event, bound to its socket, as an adapter gets it. */
export type Callback = (...args: unknown[]) => unknown;

/** Tells the client of an error, as Nest's filter for gateways does. */
export type TellClient = (refusal: Refusal & { readonly status: 'error' }) => void;

/** A handler that has a session: what it changes is saved before its answer leaves. */
export function withMessageSession(callback: Callback, socket: SocketSession, tell: TellClient): Callback {
  return (...args) => {
    const message = new MessageSession(socket);
    const handling = new MessageHandling(message, tell);
    // The acknowledgement that a handler with @Ack() calls by itself.
    const held = args.map((each) => (typeof each === 'function' ? handling.holding(each as Callback) : each));
    return currentMessage.run(message, () => handling.answer(callback, held));
  };
}

class MessageHandling {
  constructor(
    private readonly message: MessageSession,
    private readonly tell: TellClient,
  ) {}

  async answer(callback: Callback, held: unknown[]): Promise<unknown> {
    const result = await callback(...held);
    if (isObservable(result)) return this.saving(result);
    return (await this.isSaved()) ? result : undefined;
  }

  /** Each value waits for what was changed before it. */
  private saving(values: Observable<unknown>): Observable<unknown> {
    const saved = values.pipe(concatMap(async (value) => ((await this.isSaved()) ? [value] : [])));
    return concat(saved.pipe(concatMap((each) => each)), defer(() => this.isSaved()).pipe(concatMap(() => EMPTY))).pipe(
      finalize(() => void this.isSaved()),
    );
  }

  holding(acknowledge: Callback): Callback {
    return (...args) => void this.isSaved().then((isSaved) => isSaved && acknowledge(...args));
  }

  /** Saves; a failure is told to the client in place of the answer. */
  private async isSaved(): Promise<boolean> {
    try {
      await this.message.finish();
      return true;
    } catch (error) {
      this.tell({ status: 'error', ...notSaved(this.message.services, error) });
      return false;
    }
  }
}

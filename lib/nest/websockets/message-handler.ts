import { concat, concatMap, defer, EMPTY, finalize, isObservable, type Observable } from 'rxjs';
import { currentMessage } from '../../transports/websockets/current-message.js';
import { MessageSession } from '../../transports/websockets/message-session.js';
import type { SocketSession } from '../../transports/websockets/socket-session.js';
import type { Refusal } from '../guard/refusal-exception.js';
import { notSaved } from './not-saved.js';

/** A handler of one event, bound to its socket, as the adapter gets it. */
export type Callback = (...args: unknown[]) => unknown;

/** Sends an error to the client, as Nest's filter for gateways does. */
export type TellClient = (refusal: Refusal & { readonly status: 'error' }) => void;

/** Wraps a handler: the session's changes are saved before the reply is sent. */
export function withMessageSession(
  callback: Callback,
  socket: SocketSession,
  tell: TellClient,
): (...args: unknown[]) => Promise<unknown> {
  return (...args) => {
    const message = new MessageSession(socket);
    const handling = new MessageHandling(message, tell);
    // With @Ack(), the handler calls the acknowledgement itself.
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

  /** Each value waits until the changes before it are saved. */
  private saving(values: Observable<unknown>): Observable<unknown> {
    const saved = values.pipe(concatMap(async (value) => ((await this.isSaved()) ? [value] : [])));
    return concat(saved.pipe(concatMap((each) => each)), defer(() => this.isSaved()).pipe(concatMap(() => EMPTY))).pipe(
      finalize(() => void this.isSaved()),
    );
  }

  holding(acknowledge: Callback): Callback {
    return (...args) => void this.isSaved().then((isSaved) => isSaved && acknowledge(...args));
  }

  /** Saves the session. If that fails, the client gets an error in place of the reply. */
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

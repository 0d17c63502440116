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

    /** Saves the session. If that fails, the client gets an error in place of the reply. */
    async function isSaved(): Promise<boolean> {
      try {
        await message.finish();
        return true;
      } catch (error) {
        tell({ status: 'error', ...notSaved(message.services, error) });
        return false;
      }
    }

    function holding(acknowledge: Callback): Callback {
      return (...reply) => void isSaved().then((saved) => saved && acknowledge(...reply));
    }

    // With @Ack(), the handler calls the acknowledgement itself.
    const held = args.map((each) => (typeof each === 'function' ? holding(each as Callback) : each));
    return currentMessage.run(message, async () => {
      const result = await callback(...held);
      if (isObservable(result)) return saving(result, isSaved);
      return (await isSaved()) ? result : undefined;
    });
  };
}

/** Each value waits until the changes before it are saved. */
function saving(values: Observable<unknown>, isSaved: () => Promise<boolean>): Observable<unknown> {
  const saved = values.pipe(concatMap(async (value) => ((await isSaved()) ? [value] : [])));
  return concat(saved.pipe(concatMap((each) => each)), defer(isSaved).pipe(concatMap(() => EMPTY))).pipe(
    finalize(() => void isSaved()),
  );
}

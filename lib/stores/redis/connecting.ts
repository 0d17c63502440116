// Imported, as an app's tests may replace the globals by fakes.
import { clearTimeout, setTimeout } from 'node:timers';
import { within } from '../../common/deadline.js';
import { SessionStoreError } from '../session-store.error.js';
import { systemErrorIn } from '../system-error.js';
import { storeErrorOf } from './redis-error.js';

/** The events of both kinds of clients. */
export interface ConnectingClient {
  on(event: string, listener: (error?: unknown) => void): unknown;
  off(event: string, listener: (error?: unknown) => void): unknown;
}

/** Whether a client has events. An object that an app wrapped around a client may have none. */
export const isConnecting = (client: Partial<ConnectingClient>): client is ConnectingClient =>
  client.on !== undefined && client.off !== undefined;

/**
 * Clients that have a permanent listener. With node-redis an app holds an object that inherits from the client. If its
 * last listener is removed, later ones are never called, the app's own included.
 */
const heard = new WeakSet<object>();

/**
 * How long a start waits for a connection, in ms. Shorter than the module's limit, so that the error names the reason.
 */
const PATIENCE_MS = 2_500;

/**
 * Waits for a client that is connecting. It may not be down: the server may start just after the app.
 *
 * @throws SessionStoreError with address and reason if it is not ready in time; immediately if the server refuses the
 * login.
 */
export function untilReady(client: ConnectingClient, address: string, connect?: () => Promise<unknown>): Promise<void> {
  if (!heard.has(client)) client.on('ready', () => undefined);
  heard.add(client);
  return new Promise((resolve, reject) => {
    let last: unknown;
    const fail = (): void => settle(() => reject(notReady(address, last)));
    const listeners: Record<string, (error?: unknown) => void> = {
      ready: () => settle(resolve),
      end: fail,
      error: (error) => {
        last = error;
        const known = storeErrorOf(error);
        if (known.code === 'REFUSED') settle(() => reject(known));
      },
    };
    const timer = setTimeout(fail, PATIENCE_MS);
    function settle(outcome: () => void): void {
      clearTimeout(timer);
      for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
      outcome();
    }
    for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
    // The client may try again after a failure, which its events report.
    connect?.().catch((error: unknown) => (last ??= error));
  });
}

/** Ends a client with QUIT. If the server doesn't answer soon, closes the connection. */
export async function endedOr(quit: () => Promise<unknown>, force: () => unknown): Promise<void> {
  try {
    await within(PATIENCE_MS, quit(), () => new Error('No answer.'));
  } catch {
    await force();
  }
}

function notReady(address: string, last: unknown): SessionStoreError {
  const said = last instanceof Error && last.message !== '' ? last.message : undefined;
  const why =
    systemErrorIn(last, address) ?? `${said ?? `nothing answered as Redis does in ${PATIENCE_MS} ms`}, at ${address}`;
  return new SessionStoreError(
    'UNAVAILABLE',
    `Redis can't be reached: ${why}. Check that host and port are right and that Redis runs there.`,
    { cause: last },
  );
}

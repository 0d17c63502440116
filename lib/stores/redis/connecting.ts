// From the module, and not the globals: an app's tests may put fakes there.
import { clearTimeout, setTimeout } from 'node:timers';
import { within } from '../../common/deadline.js';
import { SessionStoreError } from '../session-store.error.js';
import { systemErrorIn } from '../system-error.js';
import { storeErrorOf } from './redis-error.js';

/** The events of both kinds of client. */
export interface ConnectingClient {
  on(event: string, listener: (error?: unknown) => void): unknown;
  off(event: string, listener: (error?: unknown) => void): unknown;
}

/** Whether a client has events; an object that an app wrapped around one may have none. */
export const isConnecting = (client: Partial<ConnectingClient>): client is ConnectingClient =>
  client.on !== undefined && client.off !== undefined;

/**
 * Clients with a listener that stays: of node-redis an app holds an object that only inherits from the client, and if the last listener
 * is taken from that, later ones, the app's own among them, are never called.
 */
const heard = new WeakSet<object>();

/** How long a start waits for a connection, in ms. Less than the module waits, so that the error names the reason. */
const PATIENCE_MS = 2_500;

/**
 * Waits for a client that is connecting, or connects again: it isn't down yet, and a server may come up just after the app.
 *
 * @throws SessionStoreError with address and reason if it is not ready in time, at once if the server refuses the login.
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
    // It may try again after a failure, and tells that by its events.
    connect?.().catch((error: unknown) => (last ??= error));
  });
}

/** Ends a client with QUIT; if the server doesn't answer soon, by closing the connection. */
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
    systemErrorIn(last, address) ??
    `${said ?? 'it accepts connections at best, but does not answer as Redis does'}, at ${address}`;
  return new SessionStoreError(
    'UNAVAILABLE',
    `Redis can't be reached: ${why}. Check that host and port are right and that Redis runs there.`,
    { cause: last },
  );
}

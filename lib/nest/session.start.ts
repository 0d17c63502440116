import type { SessionManager } from '../session-manager.js';
import { newSessionId } from '../common/session-id.js';
import { SessionStoreError } from '../stores/session-store.error.js';
import { systemErrorIn } from '../stores/system-error.js';
import type { SessionStore } from '../stores/session-store.js';

/**
 * How long a store may take to open before it is checked whether it answers. Creating an index on a large table may
 * take longer.
 */
const PATIENCE_MS = 3_000;

/** How many apps of this process have a store open, and its last close, if that still runs. */
interface Uses {
  count: number;
  closing: Promise<void>;
}

const usesOf = new WeakMap<SessionStore, Uses>();

/** One app's use of a store. Apps may share a store: the last one closes it, and the next one opens it again. */
export class StoreUse {
  private readonly uses: Uses;
  private counted = false;

  constructor(private readonly store: SessionStore) {
    this.uses = usesOf.get(store) ?? { count: 0, closing: Promise.resolve() };
    usesOf.set(store, this.uses);
  }

  async open(): Promise<void> {
    // Counted before the first await, so that another app's close meanwhile leaves the store open.
    if (!this.counted) this.uses.count += 1;
    this.counted = true;
    await this.uses.closing;
    await this.store.open?.();
  }

  async close(): Promise<void> {
    if (this.counted) this.uses.count -= 1;
    this.counted = false;
    if (this.uses.count > 0) return;
    const closing = Promise.resolve(this.store.close?.());
    this.uses.closing = closing.catch(() => undefined);
    await closing;
  }
}

/**
 * Opens the store and checks that it answers, before the first request needs it.
 *
 * @throws SessionStoreError with the reason and the cause.
 */
export async function openStore(manager: SessionManager, use: StoreUse): Promise<void> {
  const { store, options } = manager;
  try {
    await opened(use.open(), manager);
    if (store.open === undefined) await probe(manager);
  } catch (cause) {
    await closeQuietly(manager, use);
    const why = messageOf(cause).replace(/\.$/, '');
    throw new SessionStoreError(
      'UNAVAILABLE',
      `The session store (${store.constructor.name}) doesn't answer, so the app can't start: ${why}.`,
      { cause },
    );
  }
  if (store.list === undefined) {
    options.logger.warn(
      `This session store (${store.constructor.name}) can't list sessions: "your devices", revokeAll() and maxSessionsPerPrincipal don't work with it.`,
    );
  }
}

async function opened(opening: Promise<void>, manager: SessionManager): Promise<void> {
  const done = opening.then(() => true);
  if (await Promise.race([done, later(PATIENCE_MS)])) return;
  try {
    await probe(manager);
  } catch (late) {
    // If the store is about to report its own error, that says more than a time-out.
    throw await Promise.race([
      opening.then(
        () => late,
        (own: unknown) => own,
      ),
      later(1_000).then(() => late),
    ]);
  }
  manager.options.logger.warn(
    `The session store (${manager.store.constructor.name}) answers, but is still opening. Waiting for it.`,
  );
  await done;
}

/** Loads a session that doesn't exist. */
async function probe(manager: SessionManager): Promise<void> {
  await manager.records.load(manager.records.key(newSessionId()));
}

/** A store that failed to open may still try to connect, which would keep the process alive. */
async function closeQuietly(manager: SessionManager, use: StoreUse): Promise<void> {
  try {
    await Promise.race([use.close(), later(1_000)]);
  } catch (error) {
    manager.options.logger.warn(`The session store could not be closed either: ${messageOf(error)}`);
  }
}

/** `false` after a delay that keeps no process alive. */
function later(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}

/** The message with what its causes add. */
function messageOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause, errors } = error as AggregateError;
  const said = message || systemErrorIn(error) || (errors?.[0] instanceof Error ? errors[0].message : error.name);
  if (depth > 8 || !(cause instanceof Error)) return said;
  // A store that has included the system error in its message needs no more.
  const system = systemErrorIn(cause);
  const more = messageOf(cause, depth + 1);
  if (said.includes(more) || (system !== undefined && said.includes(system.split(' ')[0]!))) return said;
  return `${said.replace(/\.$/, '')}: ${more}`;
}

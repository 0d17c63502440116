import { LONGEST_TIMER_MS } from '../common/deadline.js';
import type { Duration } from '../common/duration.js';
import { KeyedQueue } from '../common/keyed-queue.js';
import { duration, type Resolved, type Rules } from '../common/option-rules.js';
import { placesAfter } from '../stores/blind-cursor.js';
import type { Clock, WithClock } from '../stores/clock.js';
import { metadataInText } from '../stores/record-metadata.js';
import { idTaken, SessionStoreError } from '../stores/session-store.error.js';
import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from '../stores/session-store.js';
import { clock, readStoreOptions } from '../stores/store-options.js';
import { callStore } from './call-store.js';
import { adaptedStores, can, type ExpressStoreLike, isExpressStore } from './express-store-like.js';
import { Session } from './session.js';
import { StoredCookie } from './stored-cookie.js';
import { readSession, sessionsById, textOfSession } from './stored-session.js';

/** Options of `fromExpressStore`. */
export interface FromExpressStoreOptions extends WithClock {
  /**
   * The time limit of each call of the store, in ms or as text such as `'5s'`.
   *
   * @defaultValue `'5s'`
   */
  readonly timeout?: Duration | undefined;
}

const OPTIONS = {
  timeout: duration(5_000, { most: LONGEST_TIMER_MS }),
  clock,
} satisfies Rules<FromExpressStoreOptions>;

/** The options with their defaults; `timeout` in ms. */
export type AdaptedStoreLimits = Resolved<typeof OPTIONS>;

/** All adapters of one store share its queue, so that they don't overwrite each other's changes. */
const queues = new WeakMap<object, KeyedQueue>();
/** The key that marks an ended session in a store without destroy(). */
const ENDED = '__keycardEnded';

/**
 * Adapts any express-session store to a `SessionStore`.
 *
 * Such a store can only read and overwrite. Within this process compare-and-swap is emulated: calls for one id wait for
 * each other, and a change reads first. Between processes the later write wins, and overwrites the other's changes, as
 * with express-session itself. `describeLimits()` says that, and what else the store lacks.
 *
 * @example
 * ```ts
 * fromExpressStore(new SQLiteStore({ db: 'sessions.db' }))
 * ```
 * @throws TypeError if the store has no `get` and `set`, or an option is wrong.
 */
export function fromExpressStore(store: ExpressStoreLike, options: FromExpressStoreOptions = {}): AdaptedExpressStore {
  return new AdaptedExpressStore(store, readStoreOptions('fromExpressStore', OPTIONS, options));
}

/** The result of `fromExpressStore`. It has `list`, `count` and `clear` if the store has the methods for them. */
export class AdaptedExpressStore extends SessionStore {
  /** Concurrent changes in two processes may overwrite each other. */
  readonly compareAndSwap = false;
  override list?: (query?: ListQuery) => AsyncIterable<ListedSession>;
  override count?: (query?: { readonly principal?: string | undefined }) => Promise<number>;
  override clear?: () => Promise<void>;
  /** Exists after `close()`, as there is nothing to open before. */
  override open?: () => Promise<void>;

  private readonly clock: Clock;
  private readonly timeoutMs: number;
  protected readonly queue: KeyedQueue;
  private connected = true;
  private closed = false;
  private readonly onDisconnect = (): void => void (this.connected = false);
  private readonly onConnect = (): void => void (this.connected = true);

  constructor(
    protected readonly store: ExpressStoreLike,
    limits: AdaptedStoreLimits,
  ) {
    super();
    if (!isExpressStore(store)) {
      throw new TypeError('fromExpressStore takes an express-session store: an object with the methods get and set.');
    }
    adaptedStores.add(this);
    this.clock = limits.clock;
    this.timeoutMs = limits.timeout;
    this.queue = queues.get(store) ?? new KeyedQueue();
    queues.set(store, this.queue);
    if (can(store, 'all')) this.list = (query) => this.listAll(query);
    if (can(store, 'all') || can(store, 'length')) this.count = (query) => this.countAll(query);
    if (can(store, 'clear')) this.clear = async () => void (await this.call('clear'));
    this.listen();
  }

  private listen(): void {
    const { store } = this;
    this.closed = false;
    this.connected = true;
    if (!can(store, 'on')) return;
    store.on('disconnect', this.onDisconnect);
    store.on('connect', this.onConnect);
  }

  /** The limits of this store, in sentences that are logged at start. */
  describeLimits(): string {
    const limits = [
      `${nameOf(this.store)} was made for express-session and can't compare and swap, so concurrent changes of one session in two processes ` +
        'overwrite each other, and a change in one process may undo a logout in another.',
    ];
    if (!this.list) limits.push("It has no all(), so a principal's sessions can't be listed, revoked or capped.");
    else limits.push("A principal's sessions are found by reading all sessions.");
    if (!this.clear) limits.push("It has no clear(), so all sessions can't be ended at once.");
    if (!can(this.store, 'destroy'))
      limits.push('It has no destroy(), so an ended session leaves an empty record behind.');
    return limits.join(' ');
  }

  /**
   * Stops listening to the store's events until it is opened again. The store itself is not closed: the app made it.
   */
  override async close(): Promise<void> {
    this.closed = true;
    this.open = async () => {
      delete this.open;
      this.listen();
    };
    if (!can(this.store, 'removeListener')) return;
    this.store.removeListener('disconnect', this.onDisconnect);
    this.store.removeListener('connect', this.onConnect);
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    await this.queue.run(id, async () => {
      if (await this.load(id)) throw idTaken();
      await this.write(id, record);
    });
  }

  async load(id: string): Promise<StoredSession | undefined> {
    const text = await this.read(id);
    return text === undefined || isEnded(text) ? undefined : { text, revision: text };
  }

  /**
   * A record that the store can't parse is no failure of the store. It is returned as it is, and the engine reports
   * that it is no session.
   */
  private async read(id: string): Promise<string | undefined> {
    try {
      return textOfSession(await this.call('get', id));
    } catch (error) {
      if (((error as SessionStoreError).cause as Error | undefined)?.name === 'SyntaxError') return 'not JSON';
      throw error;
    }
  }

  async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return this.queue.run(id, async () => {
      const present = await this.load(id);
      if (!present) return 'gone';
      if (present.revision !== revision) return 'conflict';
      await this.write(id, record);
      return 'ok';
    });
  }

  async destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.queue.run(id, async () => {
      const present = await this.load(id);
      if (revision !== undefined && present?.revision !== revision) return present ? 'conflict' : 'gone';
      // Also if the store doesn't return it: it may be expired by this process's clock alone.
      await this.remove(id);
      return present ? 'ok' : 'gone';
    });
  }

  protected async write(id: string, record: SessionRecord): Promise<void> {
    // Stores handle sessions that have already expired differently. Some keep them for ever.
    if (record.expiresAt <= this.clock.now()) return this.remove(id);
    await this.call('set', id, this.sessionOf(id, record));
  }

  /** The session in the form that such a store gets: `session.Session` with its id, without a request. */
  protected sessionOf(id: string, record: SessionRecord): Session {
    const values = readSession(record.text);
    if (!values)
      throw new SessionStoreError(
        'REFUSED',
        'An express-session store can only keep JSON objects, but the text of this record is none.',
      );
    values['cookie'] = new StoredCookie(Object(values['cookie']) as object, record.expiresAt, this.clock);
    return this.sessionWith(id, values);
  }

  private sessionWith(id: string, values: Record<string, unknown>): Session {
    const session = new Session({
      sessionID: id,
      sessionStore: this.store,
    });
    // Also under reserved names, such as the engine's metadata, as they have to be stored.
    for (const [key, value] of Object.entries(values))
      Object.defineProperty(session, key, { value, configurable: true, enumerable: true, writable: true });
    return session;
  }

  private async remove(id: string): Promise<void> {
    if (can(this.store, 'destroy')) await this.call('destroy', id);
    else {
      const expires = this.clock.now() + 1_000;
      const data = { originalMaxAge: 1_000, expires: new Date(expires).toISOString(), path: '/' };
      const cookie = new StoredCookie(data, expires, this.clock);
      await this.call('set', id, this.sessionWith(id, { cookie, [ENDED]: true }));
    }
  }

  /** Scans all sessions, as the store has no index. */
  private async *listAll({ principal, cursor }: ListQuery = {}): AsyncGenerator<ListedSession, void, undefined> {
    const sessions = sessionsById(await this.call('all'));
    if (!sessions)
      throw new SessionStoreError(
        'REFUSED',
        `all() of ${nameOf(this.store)} returns no ids, so nothing can be listed.`,
      );
    for (const { id, cursor: place } of placesAfter([...sessions.keys()], cursor)) {
      const session = sessions.get(id)!;
      const text = textOfSession(session);
      if (text === undefined || isEnded(text)) continue;
      if (principal !== undefined && metadataInText(text)?.principal !== principal) continue;
      yield { id, text, revision: text, cursor: place };
    }
  }

  private async countAll({ principal }: { readonly principal?: string | undefined } = {}): Promise<number> {
    if (principal === undefined && can(this.store, 'length') && can(this.store, 'destroy'))
      return Number(await this.call('length'));
    if (!this.list)
      throw new SessionStoreError(
        'REFUSED',
        `${nameOf(this.store)} has no all(), so a principal's sessions can't be counted.`,
      );
    let count = 0;
    for await (const _ of this.list({ principal })) count += 1;
    return count;
  }

  protected async call(method: string, ...parameters: unknown[]): Promise<unknown> {
    if (this.closed) throw new SessionStoreError('CLOSED', 'This session store was closed.');
    if (!this.connected) throw new SessionStoreError('UNAVAILABLE', `${nameOf(this.store)} has lost its connection.`);
    return callStore(this.store, method, parameters, this.timeoutMs);
  }
}

function isEnded(text: string): boolean {
  return text.includes(ENDED) && readSession(text)?.[ENDED] === true;
}

function nameOf(store: object): string {
  const name = (store.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'The session store';
}

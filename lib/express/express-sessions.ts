import type { Clock, WithClock } from '../stores/clock.js';
import { SessionStoreError } from '../stores/session-store.error.js';
import type { SessionRecord, SessionStore } from '../stores/session-store.js';
import { show } from '../common/duration.js';
import type { Duration } from '../common/duration.js';
import { KeyedQueue } from '../common/keyed-queue.js';
import { isSettable } from '../cookie/cookie-attributes.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import { metadataIn } from '../stores/record-metadata.js';
import { readSession } from './stored-session.js';

/** A session as express-session passes it to a store, or as JSON. */
export interface SessionObject {
  cookie: { expires?: unknown; originalMaxAge?: unknown; maxAge?: unknown };
  [key: string]: unknown;
}

/** Options about what is stored. */
export interface ExpressSessionsOptions extends WithClock {
  /**
   * Lifetime of a session whose cookie has no expiry. A number is in seconds, as in express-session's stores; text has
   * its unit, such as `'1d'`.
   *
   * @defaultValue `'1d'`
   */
  readonly ttl?: Duration | undefined;
}

/** How often a write is tried if others write the same session. */
const TRIES = 20;

/** Implements express-session's store calls with a `SessionStore`. */
export class ExpressSessions {
  private opening: Promise<void> | undefined;
  /**
   * Session objects that are, or were, in the store, with their ids. They are replaced there, and never created again.
   */
  private readonly stored = new WeakMap<object, string>();
  /** The changes of each session, in the order of the calls. */
  private readonly changes = new KeyedQueue();
  private clearing: Promise<unknown> | undefined;

  constructor(
    private readonly store: SessionStore,
    private readonly ttlMs: number,
    private readonly clock: Clock,
  ) {}

  /** Notes that the store has this session. */
  cameFromStore(sid: string, session: object): void {
    this.stored.set(session, sid);
  }

  async get(sid: string): Promise<SessionObject | null> {
    await this.ready(this.changes.last(sid), this.clearing);
    const found = await this.store.load(sid);
    const session = found && readSession(found.text);
    return session === undefined ? null : withSoundCookie(session);
  }

  async set(sid: string, session: SessionObject): Promise<void> {
    // Copied now, as the caller may change the object while the call waits.
    const data = copyOf(session, 'set');
    await this.change(sid, () => this.write(sid, session, data));
  }

  private write(sid: string, session: SessionObject, data: SessionObject): Promise<void> {
    return tryUntilDone('saved. Its last changes are not saved.', async () => {
      const present = await this.store.load(sid);
      const record = this.recordOf(data, present && readSession(present.text)?.[METADATA_KEY]);
      if (present === undefined) {
        if (this.stored.get(session) === sid) return true; // it was destroyed meanwhile, and stays destroyed
        if (!(await this.created(sid, record))) return false;
      } else if ((await this.store.replace(sid, record, present.revision)) !== 'ok') return false;
      this.cameFromStore(sid, session);
      return true;
    });
  }

  async touch(sid: string, session: SessionObject): Promise<void> {
    const { cookie } = copyOf(session, 'touch');
    const touch = async (): Promise<boolean> => {
      const present = await this.store.load(sid);
      const data = present && readSession(present.text);
      if (!present || !data) return true;
      const record = this.recordOf(cookie === undefined ? data : { ...data, cookie }, data[METADATA_KEY]);
      return (await this.store.replace(sid, record, present.revision)) !== 'conflict';
    };
    await this.change(sid, () => tryUntilDone('touched. Its expiry is as those requests have left it.', touch));
  }

  async destroy(sid: string): Promise<void> {
    await this.change(sid, () => this.store.destroy(sid));
  }

  /** By id, as in express-session's own `MemoryStore`. */
  async all(): Promise<Record<string, SessionObject>> {
    await this.ready(this.changes.settled(), this.clearing);
    if (!this.store.list) throw lacks('list');
    const sessions = Object.create(null) as Record<string, SessionObject>;
    for await (const { id, text } of this.store.list()) {
      const session = readSession(text);
      if (session) sessions[id] = withSoundCookie(session);
    }
    return sessions;
  }

  async count(): Promise<number> {
    await this.ready(this.changes.settled(), this.clearing);
    if (!this.store.count) throw lacks('count');
    return this.store.count();
  }

  async clear(): Promise<void> {
    const clearing = this.ready(this.changes.settled(), this.clearing).then(() => {
      if (!this.store.clear) throw lacks('clear');
      return this.store.clear();
    });
    this.clearing = clearing;
    await clearing;
  }

  /** Runs after earlier calls that change this session, and after an earlier `clear()`. */
  private change(sid: string, task: () => Promise<unknown>): Promise<unknown> {
    const { clearing } = this;
    return this.changes.run(sid, async () => {
      await this.ready(clearing);
      return task();
    });
  }

  /** Resolves when the store is open and the earlier calls have finished or failed. */
  private async ready(...before: (Promise<unknown> | undefined)[]): Promise<void> {
    await Promise.allSettled(before);
    await this.open();
  }

  private async created(sid: string, record: SessionRecord): Promise<boolean> {
    try {
      await this.store.create(sid, record);
      return true;
    } catch (error) {
      if (error instanceof SessionStoreError && error.code === 'ID_TAKEN') return false;
      throw error;
    }
  }

  /** The record of a session. Its metadata come from the stored record, as the app's object may contain forged ones. */
  private recordOf(session: Partial<SessionObject>, metadata: unknown): SessionRecord {
    const { cookie, [METADATA_KEY]: _forged, ...data } = session;
    const end = endOf(cookie, this.clock.now());
    return {
      text: JSON.stringify({ cookie, ...data, [METADATA_KEY]: metadata }),
      expiresAt: end ?? this.clock.now() + this.ttlMs,
      principal: metadataIn({ [METADATA_KEY]: metadata })?.principal ?? undefined,
    };
  }

  /** The first call opens the store. If that fails, the next call tries again. */
  private open(): Promise<void> {
    this.opening ??= (this.store.open?.() ?? Promise.resolve()).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }
}

/** @throws TypeError if it is no object, or can't be turned into JSON. */
function copyOf(session: SessionObject, method: string): SessionObject {
  if (typeof session !== 'object' || session === null)
    throw new TypeError(`${method}() of a session store got ${show(session)}; it takes a session.`);
  return JSON.parse(JSON.stringify(session)) as SessionObject;
}

/** By its expiry, or by a lifetime, which tests and jobs use instead of an express-session `Cookie`. */
function endOf(cookie: SessionObject['cookie'] | undefined, now: number): number | undefined {
  const { expires, maxAge } = cookie ?? {};
  const end = new Date((expires ?? Number.NaN) as string).getTime();
  if (!Number.isNaN(end)) return end;
  return typeof maxAge === 'number' ? now + maxAge : undefined;
}

/** Whether express-session can make a cookie of this value of an attribute. */
function isSound([name, value]: [string, unknown]): boolean {
  if (name === 'originalMaxAge' || name === 'maxAge') return value === null || Number.isFinite(value);
  if (name === 'expires') return value === null || (typeof value === 'string' && !Number.isNaN(Date.parse(value)));
  return isSettable(name, value);
}

/**
 * express-session makes its own cookie from this one, and fails or hangs if an attribute is invalid. So invalid
 * attributes are left out, as in the engine. Without any cookie it uses its options.
 */
function withSoundCookie(session: Record<string, unknown>): SessionObject {
  const { cookie } = session;
  const isObject = typeof cookie === 'object' && cookie !== null && !Array.isArray(cookie);
  const given = isObject ? Object.entries(cookie) : [];
  const sound = given.filter(isSound);
  if (isObject && sound.length === given.length) return session as SessionObject;
  return { ...session, cookie: { originalMaxAge: null, expires: null, ...Object.fromEntries(sound) } };
}

function lacks(capability: string): SessionStoreError {
  return new SessionStoreError('REFUSED', `The session store can't ${capability}.`);
}

/** @throws SessionStoreError if other writes come in between too often. */
async function tryUntilDone(what: string, attempt: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) if (await attempt()) return;
  throw new SessionStoreError(
    'UNAVAILABLE',
    `Other requests changed the session ${TRIES} times while it was being ${what}`,
  );
}

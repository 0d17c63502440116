import { KeyedQueue } from '../keyed-queue.js';
import { derivePrincipal } from './derived-principal.js';
import { SessionStateError, TooManySessionsError } from './errors.js';
import type { Facts } from './facts.js';
import { recordText, type RecordText } from './record-text.js';
import type { Draft } from './session-core.js';
import { newNonce } from './session-id.js';
import type { SessionManager } from './session-manager.js';
import { isStoreError, type ListedRecord, type LoadedRecord } from './session-records.js';

const MOST_TRIES = 20;
const LONGEST_PAUSE_MS = 50;
/** Less than a clock tells, more than a number of this size loses. */
const STEP_MS = 0.001;

/** Up to when all of a principal's sessions were ended. */
export interface NotBefore {
  readonly at: number;
  /** Changes with every `revokeAll`, so that no clock has to tell what came first. */
  readonly nonce: string;
  /** The handle of the session that stays. */
  readonly except: string;
}

/** The sessions of one principal: how many there may be, and up to when they were all ended. */
export class PrincipalSessions {
  private readonly queue = new KeyedQueue();
  private lastLogin = Number.NEGATIVE_INFINITY;

  constructor(private readonly manager: SessionManager) {}

  private get records() {
    return this.manager.records;
  }

  /** The live sessions of a principal, newest login first. While its id is renewed, a session may be there twice. */
  async of(principal: string): Promise<ListedRecord[]> {
    return (await this.withRenewed(principal)).filter(({ record }) => record.facts!.x === undefined);
  }

  /**
   * The same with ids that were renewed and still lead on to the new one. Who ends sessions asks for these: between the moment when a list
   * begins and the moment when a record is read, its session may have gone on under an id that is not in the list.
   */
  async withRenewed(principal: string): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const listed of this.records.list({ principal })) {
      const facts = listed.record.facts;
      if (facts !== undefined && facts.p === principal && this.manager.isLive(facts)) found.push(listed);
    }
    return found.sort((a, b) => newestFirst(a.record.facts!, b.record.facts!));
  }

  private async handles(principal: string): Promise<Set<string>> {
    return new Set((await this.of(principal)).map(({ record }) => record.facts!.h));
  }

  /**
   * When a login begins: later than all that was ended, whatever the clocks of other machines said.
   *
   * @param handle of the session that logs in.
   * @throws TooManySessionsError where `onTooMany` is `reject` and there is no room.
   */
  async beforeLogin(principal: string, handle: string): Promise<{ at: number; mark: string | undefined }> {
    const [mark] = await Promise.all([this.notBefore(principal), this.assertRoom(principal, handle)]);
    return this.moment(mark);
  }

  /**
   * The same for who is logged in already.
   *
   * @returns `undefined` if the session's principal was logged out everywhere since.
   */
  async beforeConfirmation(
    principal: string,
    facts: Facts,
  ): Promise<{ at: number; mark: string | undefined } | undefined> {
    const mark = await this.notBefore(principal);
    return facts.p === principal && isRevoked(facts, mark) ? undefined : this.moment(mark);
  }

  private moment(mark: NotBefore | undefined): { at: number; mark: string | undefined } {
    return {
      at: this.inOrder(Math.max(this.manager.now(), (mark?.at ?? Number.NEGATIVE_INFINITY) + STEP_MS)),
      mark: mark?.nonce,
    };
  }

  /** Logins within a millisecond get times in their order, so that the oldest are told from the newest. */
  private inOrder(at: number): number {
    const tie = at <= this.lastLogin && at > this.lastLogin - 1;
    return (this.lastLogin = tie ? this.lastLogin + STEP_MS : at);
  }

  private async assertRoom(principal: string, except: string): Promise<void> {
    const { maxSessionsPerPrincipal: cap, onTooMany } = this.manager.options;
    if (cap === Number.POSITIVE_INFINITY || onTooMany !== 'reject') return;
    const handles = await this.handles(principal);
    handles.delete(except);
    if (handles.size >= cap) throw new TooManySessionsError(cap);
  }

  /**
   * Whether a session that was just written may stay. Ends the oldest where there are too many.
   *
   * @throws TooManySessionsError where `onTooMany` is `reject` and there is no room. The session was ended.
   */
  async admit(key: string, draft: Draft): Promise<boolean> {
    const { facts, arrival } = draft;
    const principal = facts.p!;
    if (await this.isEnded(principal, draft)) {
      await this.records.destroy(key);
      this.manager.events.emit('revoked', key, { handle: facts.h, principal });
      return false;
    }
    const { maxSessionsPerPrincipal: cap, onTooMany } = this.manager.options;
    if (cap === Number.POSITIVE_INFINITY || arrival === 'confirmed') return true;
    if (!this.records.canList) {
      this.manager.warnOnce(
        'cap',
        `"maxSessionsPerPrincipal" can't be held: this session store (${this.manager.store.constructor.name}) can't list sessions.`,
      );
      return true;
    }
    // One at a time within a process: the first then does what is left for the others.
    if (onTooMany === 'evict-oldest') return this.queue.run(principal, () => this.evictOldest(principal, cap, facts.h));
    // A session that was there before this library can't be refused: nobody is there to be told.
    if (arrival === 'adopted') return true;
    return this.queue.run(principal, () => this.findRoom(principal, cap, key, draft));
  }

  private async isEnded(principal: string, { facts, arrival, mark: seen }: Draft): Promise<boolean> {
    const mark = await this.notBefore(principal);
    if (mark === undefined || mark.except === facts.h) return false;
    return arrival === 'login' || arrival === 'confirmed' ? mark.nonce !== seen : since(facts) < mark.at;
  }

  /**
   * Ends a session whose principal was logged out everywhere, whether or not an index knows it. A login knows the mark that stood before it, so
   * no clock decides; a session without one (written by version 0.1, or a principal that appeared without `login()`) is told by its time.
   */
  async endIfRevoked({ key, record }: LoadedRecord): Promise<boolean> {
    const { facts } = record;
    if (facts?.p === undefined) return false;
    if (!isRevoked(facts, await this.notBefore(facts.p))) return false;
    const id = this.manager.idOfKey(key);
    if (await this.manager.writer.end(key, id, undefined, facts.p))
      this.manager.events.emit('revoked', key, { handle: facts.h, principal: facts.p });
    return true;
  }

  /** Every login sees all that were written before it and counts them in the same order, so the newest stay, whoever counts. */
  private async evictOldest(principal: string, cap: number, handle: string): Promise<boolean> {
    const sessions = await this.of(principal);
    const surplus = new Set([...new Set(sessions.map(({ record }) => record.facts!.h))].slice(cap));
    for (const each of sessions) {
      const { h } = each.record.facts!;
      if (!surplus.has(h)) continue;
      if (await this.manager.writer.end(each.key, this.manager.idOfKey(each.key), undefined, principal))
        this.manager.events.emit('evicted', each.key, { handle: h, principal });
    }
    return !surplus.has(handle);
  }

  /**
   * Who finds too many takes himself out and looks again: of several that came at once (one at a time within a process) the last to look
   * stays, so neither too many remain nor too few.
   */
  private async findRoom(principal: string, cap: number, key: string, { facts }: Draft): Promise<boolean> {
    for (let attempt = 0; (await this.handles(principal)).size > cap; attempt += 1) {
      const out = await this.takeOut(key);
      if (out === undefined) return false;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE_MS));
      if (attempt === MOST_TRIES || (await this.handles(principal)).size >= cap) throw new TooManySessionsError(cap);
      await this.records.create(key, out.text, out.facts ?? facts, JSON.stringify(out.cookie()));
    }
    return true;
  }

  /** Ends a session, and gives what it was then: others may have written to it since. `undefined`: it was ended already. */
  private async takeOut(key: string): Promise<RecordText | undefined> {
    for (;;) {
      const found = await this.records.load(key);
      if (found === undefined) return undefined;
      const result = await this.records.destroy(key, found.revision);
      if (result !== 'conflict') return result === 'ok' ? found.record : undefined;
    }
  }

  /**
   * Whether a record that only a peer has written may be taken over. One that was there when its owner's sessions were ended may not, and
   * neither may one whose age its cookie doesn't tell.
   */
  async mayAdopt(loaded: LoadedRecord): Promise<boolean> {
    const values = loaded.record.data();
    if (typeof values === 'string') return true;
    const principal = derivePrincipal(this.manager.options.principalOf, values);
    if (principal === undefined) return true;
    const mark = await this.notBefore(principal);
    return mark === undefined || (writtenAt(loaded.record.cookie()) ?? Number.NEGATIVE_INFINITY) > mark.at;
  }

  /**
   * From now on no session counts that the principal came by before this moment, indexed or not. The mark lives as long as any
   * of them could.
   *
   * @param except the handle of the session that stays.
   */
  async markNotBefore(principal: string, except = ''): Promise<void> {
    const { manager } = this;
    const key = this.records.markKeys(principal)[0]!;
    const now = manager.now();
    const life = Number.isFinite(manager.options.absoluteMs) ? manager.options.absoluteMs : manager.options.idleMs;
    const end = now + life;
    const cookie = JSON.stringify({
      originalMaxAge: life,
      expires: new Date(end).toISOString(),
      httpOnly: true,
      path: '/',
    });
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const found = await this.records.load(key);
      const at = Math.max(now, found?.record.facts?.t ?? 0);
      const facts: Facts = { v: 1, c: now, s: now, e: end, h: except, n: newNonce(), t: at };
      const text = recordText(cookie, '{}', facts);
      if (found !== undefined) {
        if ((await this.records.replace(key, text, facts, cookie, found.revision)) === 'ok') return;
        continue;
      }
      try {
        return await this.records.create(key, text, facts, cookie);
      } catch (error) {
        if (!isStoreError(error) || error.code !== 'ID_TAKEN') throw error;
      }
    }
    throw new SessionStateError(
      'UNSUPPORTED',
      "The mark that ends a principal's sessions could not be written: others kept writing it.",
    );
  }

  /** The mark of the last `revokeAll`. */
  async notBefore(principal: string): Promise<NotBefore | undefined> {
    let latest: NotBefore | undefined;
    for (const key of this.records.markKeys(principal)) {
      const facts = (await this.records.load(key))?.record.facts;
      if (facts?.t !== undefined && (latest === undefined || facts.t > latest.at))
        latest = { at: facts.t, nonce: facts.n, except: facts.h };
    }
    return latest;
  }
}

/** Whether a mark ends a session. A session that doesn't say which mark it began with is told by its time. */
function isRevoked(facts: Facts, mark: NotBefore | undefined): boolean {
  if (mark === undefined || mark.except === facts.h) return false;
  return facts.r === undefined ? since(facts) < mark.at : facts.r !== mark.nonce;
}

/** Since when a session is its principal's. */
export const since = (facts: Facts): number => facts.a ?? facts.g ?? facts.c;

export function newestFirst(a: Facts, b: Facts): number {
  return since(b) - since(a) || (a.h < b.h ? 1 : a.h > b.h ? -1 : 0);
}

/** When a peer last wrote a record, where its cookie tells. */
function writtenAt(cookie: unknown): number | undefined {
  const { originalMaxAge, expires } = (cookie ?? {}) as { originalMaxAge?: unknown; expires?: unknown };
  const end = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  return typeof originalMaxAge === 'number' && Number.isFinite(end) ? end - originalMaxAge : undefined;
}

import { createHash } from 'node:crypto';
import { SessionStateError, TooManySessionsError } from './errors.js';
import type { Facts } from './facts.js';
import { recordText } from './record-text.js';
import { newNonce } from './session-id.js';
import type { SessionManager } from './session-manager.js';
import { isStoreError, type ListedRecord } from './session-records.js';

const MOST_TRIES = 20;

/** The sessions of one principal: how many there may be, and up to when they were all ended. */
export class PrincipalSessions {
  constructor(private readonly manager: SessionManager) {}

  private get records() {
    return this.manager.records;
  }

  /** The live sessions of a principal, each once, however many ids it goes by at the moment. Newest login first. */
  async of(principal: string): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const listed of this.records.list({ principal })) {
      const facts = listed.record.facts;
      if (facts !== undefined && facts.x === undefined && facts.p === principal && this.manager.isLive(facts)) found.push(listed);
    }
    return found.sort((a, b) => newestFirst(a.record.facts!, b.record.facts!));
  }

  /**
   * Before a login.
   *
   * @throws TooManySessionsError where `onTooMany` is `reject` and there is no room.
   */
  async assertRoom(principal: string, except: string): Promise<void> {
    const { maxSessionsPerPrincipal: cap, onTooMany } = this.manager.options;
    if (cap === Number.POSITIVE_INFINITY || onTooMany !== 'reject') return;
    const handles = new Set((await this.of(principal)).map((each) => each.record.facts!.h));
    handles.delete(except);
    if (handles.size >= cap) throw new TooManySessionsError(cap);
  }

  /** Whether a session that was just written may stay. Ends the oldest where there are too many. */
  async admit(key: string, facts: Facts): Promise<boolean> {
    const principal = facts.p!;
    if (!this.records.canList) return true;
    const notBefore = await this.notBefore(principal);
    if (notBefore !== undefined && (facts.a ?? facts.c) <= notBefore) return false;
    const { maxSessionsPerPrincipal: cap, onTooMany } = this.manager.options;
    if (cap === Number.POSITIVE_INFINITY) return true;
    const sessions = await this.of(principal);
    const handles = [...new Set(sessions.map((each) => each.record.facts!.h))];
    if (handles.length <= cap) return true;
    if (onTooMany === 'reject') {
      await this.records.destroy(key);
      throw new TooManySessionsError(cap);
    }
    // Every login sees all that were before it and counts them in the same order, so the newest stay, whoever counts.
    const surplus = new Set(handles.slice(cap));
    for (const each of sessions) {
      const { h } = each.record.facts!;
      if (!surplus.has(h)) continue;
      await this.manager.writer.end(each.key, this.manager.idOfKey(each.key));
      this.manager.events.emit('evicted', each.key, { handle: h, principal });
    }
    return !surplus.has(facts.h);
  }

  /**
   * From now on no session counts that the principal came by before this moment, indexed or not. The mark lives as long as any
   * of them could.
   */
  async markNotBefore(principal: string): Promise<void> {
    const { manager } = this;
    const key = markKey(principal);
    const now = manager.now();
    const life = Number.isFinite(manager.options.absoluteMs) ? manager.options.absoluteMs : manager.options.idleMs;
    const end = now + life;
    const facts: Facts = { v: 1, c: now, s: now, e: end, h: '', n: newNonce(), t: now };
    const cookie = JSON.stringify({ originalMaxAge: life, expires: new Date(end).toISOString(), httpOnly: true, path: '/' });
    const text = recordText(cookie, '{}', facts);
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const found = await this.records.load(key);
      if (found !== undefined) {
        if ((found.record.facts?.t ?? 0) >= now || (await this.records.replace(key, text, facts, cookie, found.revision)) === 'ok') return;
        continue;
      }
      try {
        return await this.records.create(key, text, facts, cookie);
      } catch (error) {
        if (!isStoreError(error) || error.code !== 'ID_TAKEN') throw error;
      }
    }
    throw new SessionStateError('UNSUPPORTED', 'The mark that ends a principal\'s sessions could not be written: others kept writing it.');
  }

  private async notBefore(principal: string): Promise<number | undefined> {
    return (await this.records.load(markKey(principal)))?.record.facts?.t;
  }
}

/** No id of ours looks like it: a dot isn't base64url. */
const markKey = (principal: string): string => `keycard.${createHash('sha256').update(principal).digest('base64url')}`;

function newestFirst(a: Facts, b: Facts): number {
  return (b.a ?? b.c) - (a.a ?? a.c) || (a.h < b.h ? 1 : a.h > b.h ? -1 : 0);
}

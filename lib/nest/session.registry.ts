import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { SessionDataError, SessionStateError } from '../common/errors.js';
import type { SessionMetadata, MayEnd } from '../record/session-metadata.js';
import { deriveKey, encryptText, decryptText } from '../record/record-cipher.js';
import { SessionCore } from '../session/session-core.js';
import { type SessionSummary, summaryOf } from '../session/session-controls.js';
import type { SessionEvent } from '../common/session-events.js';
import { assertKeys, namedPrincipal, principalIn } from '../options/named-principal.js';
import { newestFirst } from '../commit/revocation-mark.js';
import type { SessionManager } from '../session-manager.js';
import { coreOf } from '../session/session-surface.js';
import type { ListedRecord } from '../record/session-records.js';
import type { Session } from '../session/session-types.js';
import { watchOf } from '../signal/session-watch.js';
import { bounded, placeIn, placeOf, type SessionListQuery, type SessionPage } from './session-list.js';

/** How often the list is read to find a session to end. */
const MOST_ROUNDS = 4;
const MOST_COUNTED = 10_000;

/**
 * Lists and ends sessions, by principal. Works with every store that can list.
 *
 * @example
 * ```ts
 * constructor(private readonly sessions: SessionRegistry) {}
 * devices(userId: string) { return this.sessions.list({ principal: userId }); }
 * ```
 */
@Injectable()
export class SessionRegistry {
  /** What happens to sessions in this process. The `diagnostics_channel` `nestjs-keycard:session` reports the same. */
  readonly events: Observable<SessionEvent>;
  /**
   * Like `events`, with logins, renewals and ends in other processes (`remote: true`), of sessions with a principal.
   * They come encrypted over the bus while somebody is subscribed, and are checked against the principal's sessions.
   * An event may be missing, late or repeated.
   */
  readonly allEvents: Observable<SessionEvent>;
  /** A private field, as `util.inspect` doesn't show it. */
  readonly #cursorKey: Buffer;

  constructor(private readonly manager: SessionManager) {
    this.events = new Observable((subscriber) => manager.events.listen((event) => subscriber.next(event)));
    this.allEvents = new Observable((subscriber) => watchOf(manager).listen((event) => subscriber.next(event)));
    this.#cursorKey = deriveKey(manager.options.secrets[0]!, 'cursor');
  }

  /** The metadata of a session by its id; `undefined` if no live session has it. Keep an id as secret as a password. */
  async find(id: string): Promise<SessionSummary | undefined> {
    const core = await this.manager.open(id);
    return core && summaryOf({ ...core.metadata, authenticatedAt: core.authenticatedAt() }, core.principal());
  }

  /** Opens a session without a request, for jobs. It can be read, saved and ended; `login()` and `renew()` throw. */
  async open(id: string): Promise<Session | undefined> {
    const core = await this.manager.open(id);
    return core?.session as Session | undefined;
  }

  /**
   * Opens a session by its handle, as `open()` does by its id. A job can keep a handle as it is: it lets nobody in.
   *
   * @param options.principal the session must be this principal's. Always give it: else all sessions are read.
   * @returns `undefined` if there is no such live session.
   * @throws SessionStateError `UNSUPPORTED` with `hashIds`, as the store then has no ids.
   */
  async openByHandle(
    handle: string,
    options: { readonly principal?: string | number | undefined } = {},
  ): Promise<Session | undefined> {
    const principal = namedPrincipal('registry.openByHandle()', options, ['principal']);
    // A renewal while the list is read may hide the session. A second list has it.
    for (let round = 0; round < 2; round += 1)
      for await (const { key, record } of this.candidates(principal)) {
        if (record.metadata!.handle !== handle) continue;
        const id = this.manager.idOfKey(key);
        if (id === undefined)
          throw new SessionStateError(
            'UNSUPPORTED',
            'openByHandle() needs the ids, and with "hashIds" the store has none.',
          );
        const session = await this.open(id);
        // The store's index may be older than the session: a peer may have made it somebody else's.
        const isOwn = principal === undefined || session?.info.principal === principal;
        if (session?.info.handle === handle && isOwn) return session;
      }
    return undefined;
  }

  /**
   * Lists sessions: one principal's with the newest login first, or everybody's in the store's order.
   *
   * @throws SessionStoreError if the store can't list.
   * @throws TypeError for `{ principal: undefined }`: a visitor's `session.info.principal` is `undefined`.
   */
  async list(query: SessionListQuery = {}): Promise<SessionPage> {
    const principal = namedPrincipal('registry.list()', query, ['principal', 'limit', 'cursor']);
    const limit = bounded(query.limit ?? 100);
    return principal === undefined ? this.listAll(limit, query.cursor) : this.listOf(principal, limit, query.cursor);
  }

  private async listOf(principal: string, limit: number, cursor: string | undefined): Promise<SessionPage> {
    const all = await this.manager.list.live(principal);
    const after = cursor === undefined ? undefined : placeIn(this.decryptCursor(cursor));
    const rest = after === undefined ? all : all.filter(({ record }) => newestFirst(after, record.metadata!) < 0);
    const page = rest.slice(0, limit);
    const sessions = page.map((each) => summaryOf(each.record.metadata!, principal));
    const last = page.at(-1);
    return limit < rest.length && last !== undefined
      ? { sessions, cursor: this.encryptCursor(placeOf(last.record.metadata!)) }
      : { sessions };
  }

  private async listAll(limit: number, cursor: string | undefined): Promise<SessionPage> {
    const sessions: SessionSummary[] = [];
    const from = cursor === undefined ? undefined : this.decryptCursor(cursor);
    let last: string | undefined;
    for await (const listed of this.manager.records.list({ cursor: from, batch: limit + 1 })) {
      const { metadata } = listed.record;
      if (metadata === undefined || metadata.replaced !== undefined || !this.manager.lifetimes.isLive(metadata))
        continue;
      if (sessions.length === limit) return { sessions, cursor: this.encryptCursor(last!) };
      sessions.push(summaryOf(metadata, metadata.principal));
      last = listed.cursor;
    }
    return { sessions };
  }

  /**
   * The number of sessions. Exact up to 10,000. Above that it is the store's own count, which reads no records and
   * includes ids in their `renewGrace` and the records of principals.
   *
   * @throws TypeError for `{ principal: undefined }`.
   */
  async count(query: { readonly principal?: string | number | undefined } = {}): Promise<number> {
    const principal = namedPrincipal('registry.count()', query, ['principal']);
    if (principal !== undefined) return (await this.manager.list.live(principal)).length;
    const stored = await this.manager.store.count?.();
    if (stored !== undefined && (stored === 0 || stored > MOST_COUNTED)) return stored;
    const handles = new Set<string>();
    let others = 0;
    for await (const { record } of this.manager.records.list({})) {
      if (record.metadata === undefined) others += 1;
      else if (record.metadata.replaced === undefined && this.manager.lifetimes.isLive(record.metadata))
        handles.add(record.metadata.handle);
    }
    return handles.size + others;
  }

  /**
   * Ends one session.
   *
   * @param options.principal the session must be this principal's. Always give it: else all sessions are read.
   * @returns false if there is no such session.
   * @throws TypeError for `{ principal: undefined }`: a visitor's `session.info.principal` is `undefined`.
   */
  async revoke(handle: string, options: { readonly principal?: string | number | undefined } = {}): Promise<boolean> {
    let principal = namedPrincipal('registry.revoke()', options, ['principal']);
    let ended = false;
    // A login that replaces the id while the list is read may hide the session. A second list has it.
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const found = await this.revokeListed(handle, principal);
      if (found === undefined && round > 0) break;
      principal ??= found?.principal;
      ended ||= found !== undefined;
    }
    return ended;
  }

  /** The metadata of the session that was ended. */
  private async revokeListed(handle: string, principal: string | undefined): Promise<SessionMetadata | undefined> {
    let ended: SessionMetadata | undefined;
    for await (const each of this.candidates(principal)) {
      const { metadata } = each.record;
      if (metadata!.handle !== handle) continue;
      // A replaced record may lead to another principal's session.
      const isStill: MayEnd = (found) => found?.handle === handle && found.principal === metadata!.principal;
      if (await this.end(each, isStill, ended === undefined)) ended = metadata;
    }
    return ended;
  }

  /**
   * Ends all sessions of a principal, including those that are about to be written. Call it after a password change.
   *
   * @param options.except the session that stays, or its handle.
   * @returns how many were ended.
   * @example
   * ```ts
   * await this.sessions.revokeAll(userId, { except: session });
   * ```
   */
  async revokeAll(
    principal: string | number,
    options: { readonly except?: Session | string | undefined } = {},
  ): Promise<number> {
    const name = principalIn('registry.revokeAll(principal)', principal);
    assertKeys('registry.revokeAll()', options, ['except']);
    const except = handleOf(options.except);
    const isRevoked = await this.manager.revocations.markRevoked(name, except);
    const ended = new Set<string>();
    for (const each of await this.manager.list.toEnd(name)) {
      const { handle: h } = each.record.metadata!;
      if (h !== except && (await this.end(each, isRevoked, !ended.has(h)))) ended.add(h);
    }
    return ended.size;
  }

  /**
   * Reads all sessions, and rewrites those whose principal the store doesn't know yet (written by express-session, or
   * before a change of `principalOf`). Returns how many it wrote.
   */
  async reindex(): Promise<number> {
    let written = 0;
    for await (const { key, record } of this.manager.records.list({})) {
      const id = this.manager.idOfKey(key);
      if (id === undefined)
        throw new SessionStateError('UNSUPPORTED', 'reindex() needs the ids of sessions, which "hashIds" hides.');
      if (record.metadata?.replaced !== undefined || record.metadata?.revokedUntil !== undefined) continue;
      const core = await this.manager.open(id);
      if (core === undefined || core.metadata.principal === core.principal()) continue;
      core.isDue = true;
      try {
        if ((await this.manager.writer.write(core)) === 'ok') written += 1;
      } catch (error) {
        // One session that can't be written must not keep the others from it.
        if (!(error instanceof SessionDataError)) throw error;
        this.manager.options.logger.warn(`reindex() left out a session: ${error.message}`);
      }
    }
    return written;
  }

  private async *candidates(principal: string | undefined): AsyncGenerator<ListedRecord> {
    if (principal !== undefined) {
      yield* await this.manager.list.toEnd(principal);
      return;
    }
    for await (const each of this.manager.records.list({}, 'expired too'))
      if (each.record.metadata !== undefined && each.record.metadata.revokedUntil === undefined) yield each;
  }

  /** @param isFirst whether to emit an event. While its id is renewed, a session is ended under both ids. */
  private async end(each: ListedRecord, mayEnd: MayEnd, isFirst: boolean): Promise<boolean> {
    const ended = await this.manager.ender.endListed(each, mayEnd);
    if (ended && isFirst)
      this.manager.events.emit('revoked', each.key, {
        handle: each.record.metadata!.handle,
        principal: each.record.metadata!.principal,
      });
    return ended;
  }

  /** A store's cursor may contain an id, so it is encrypted. */
  private encryptCursor(cursor: string): string {
    return encryptText(this.#cursorKey, cursor, 'cursor');
  }

  private decryptCursor(cursor: string): string {
    const opened = typeof cursor === 'string' ? decryptText(this.#cursorKey, cursor, 'cursor') : undefined;
    if (opened === undefined)
      throw new TypeError('The cursor is not one that list() returned. Begin again without a cursor.');
    return opened;
  }
}

function handleOf(except: Session | string | undefined): string | undefined {
  if (except === undefined || typeof except === 'string') return except;
  const core = coreOf(except);
  if (!(core instanceof SessionCore) && core === undefined)
    throw new TypeError('revokeAll(principal, { except }): except must be a session or its handle.');
  return core.metadata.handle;
}

import { changedKeys, merge, snapshot, toJson } from './changes.js';
import type { Facts } from './facts.js';
import { fingerprint, lostLoginKey } from './principal-print.js';
import { recordText, recordTextWithRaw, type SessionValues } from './record-text.js';
import type { SessionCookie } from './session-cookie.js';
import { newHandle, newNonce } from './session-id.js';
import type { SessionManager } from './session-manager.js';
import type { LoadedRecord } from './session-records.js';
import { applySchema, checkSchema } from './session-schema.js';
import { assertNoFunctions, assertNotTooDeep, assertSerializable, valuesToJson } from './session-values.js';

/** Where a session's core lives: what a request adds to it. */
export interface CoreHost {
  /** A session's cookie as this request wants it. */
  cookieOf(core: SessionCore): SessionCookie;
  /** The JSON of the `cookie` part of a record. */
  cookieJson(core: SessionCore, facts: Facts): string;
  newId(): string;
  /** The device that asks. */
  device(): Facts['d'];
  /** What the session is bound to. */
  binding(): string | undefined;
}

/**
 * `new`: not in the store. `loaded`: in the store. `muted`: nothing will be written, and no cookie set (the store failed, or the id was
 * retired without a way forward). `gone`: somebody else ended it. `ended`: this request did. `detached`: another took its place.
 */
export type CoreStatus = 'new' | 'loaded' | 'muted' | 'gone' | 'ended' | 'detached';
/** How an id is replaced. */
export type Rotation = 'renew' | 'login' | 'regenerate';

/** What is about to be written. */
export interface Draft {
  readonly text: string;
  readonly json: string;
  readonly facts: Facts;
  readonly cookie: string;
}

/** One session as one request knows it: what was read, what the app made of it, and how the two differ. */
export class SessionCore {
  status: CoreStatus = 'new';
  facts: Facts;
  /** The version that was read; `undefined`: none yet, or its revision isn't known. */
  stored: LoadedRecord | undefined;
  rotation: Rotation | undefined;
  /** A session whose place this one takes (`regenerate`). */
  replaces: SessionCore | undefined;
  /** The idle end is to be moved, or facts to be written, though no data changed. */
  due = false;
  /** Who logs in with this request. */
  claim: { principal: string; at: number; keys: string[] | undefined } | undefined;
  /** Data under names that the session keeps for itself. */
  readonly hidden = new Map<string, unknown>();
  private idText: string | undefined;
  private live: object | undefined;
  private ownCookie: SessionCookie | undefined;
  /** The JSON of the data that changes are counted from; `undefined`: as it stands in `stored`. */
  private baseJson: string | undefined;

  constructor(
    readonly manager: SessionManager,
    readonly host: CoreHost,
    source?: { readonly id: string; readonly loaded: LoadedRecord },
  ) {
    const now = manager.now();
    if (source === undefined) {
      this.facts = this.freshFacts(now);
      this.baseJson = '{}';
      return;
    }
    this.idText = source.id;
    this.stored = source.loaded;
    this.status = 'loaded';
    const facts = source.loaded.record.facts;
    this.facts = facts ?? this.freshFacts(now);
    this.due = facts === undefined || now - facts.s >= manager.options.touchIntervalMs || manager.options.resave;
  }

  private freshFacts(now: number): Facts {
    return { v: 1, c: now, s: now, e: now + this.manager.options.idleMs, h: newHandle(), n: '' };
  }

  /** The id; of a new session it is drawn when it is first asked for. */
  get id(): string {
    this.idText ??= this.host.newId();
    return this.idText;
  }
  set id(id: string) {
    this.idText = id;
  }

  get key(): string {
    return this.manager.records.key(this.id);
  }

  /** What the app holds. Made when it is first asked for; until then the record isn't parsed. */
  get session(): object {
    return this.live ?? this.materialize();
  }

  private materialize(): object {
    const { surface, options } = this.manager;
    let values: SessionValues = {};
    if (this.baseJson === undefined) {
      const read = this.stored!.record.data();
      if (typeof read === 'string') {
        this.manager.records.unreadable(this.key, read);
        this.becomeNew();
      } else values = read;
    }
    this.live = surface.create(this);
    if (options.schema !== undefined || options.migrate !== undefined) {
      values = applySchema(this, values);
      this.fill(values);
      this.baseJson = valuesToJson(this.values());
    } else this.fill(values);
    return this.live;
  }

  /** A record that can't be read is left as it is: its holder goes on as somebody new. */
  private becomeNew(): void {
    this.status = 'new';
    this.stored = undefined;
    this.idText = undefined;
    this.due = false;
    this.facts = this.freshFacts(this.manager.now());
    this.baseJson = '{}';
  }

  private fill(values: SessionValues): void {
    const live = this.live as SessionValues;
    const { reserved } = this.manager.surface;
    for (const key of Object.keys(values)) {
      if (reserved.has(key)) {
        this.hidden.set(key, values[key]);
        this.manager.noteHiddenKey(key);
      } else live[key] = values[key];
    }
  }

  /** The data as it stands: the app's own keys, and those it can only reach by `dataOf`. */
  values(): SessionValues {
    if (this.live === undefined) return this.storedValues();
    const own = this.manager.surface.data(this.live);
    return this.hidden.size === 0 ? own : { ...Object.fromEntries(this.hidden), ...own };
  }

  /** The data of the version that was read. */
  private storedValues(): SessionValues {
    if (this.baseJson !== undefined) return JSON.parse(this.baseJson) as SessionValues;
    const read = this.stored?.record.data();
    return typeof read === 'object' ? read : {};
  }

  get cookie(): SessionCookie {
    this.ownCookie ??= this.host.cookieOf(this);
    return this.ownCookie;
  }

  /** The cookie, where somebody asked for it. */
  get cookieIfAsked(): SessionCookie | undefined {
    return this.ownCookie;
  }

  /** What the app set of the cookie on this very session. */
  overrides(): Record<string, unknown> | undefined {
    return this.ownCookie === undefined ? this.facts.o : this.ownCookie.overrides();
  }

  /** Whether that differs from what the record says. */
  get cookieChanged(): boolean {
    return this.ownCookie !== undefined && JSON.stringify(this.ownCookie.overrides()) !== JSON.stringify(this.facts.o);
  }

  /** Whether the app changed the data since it was read or saved. */
  isChanged(): boolean {
    if (this.live === undefined) return false;
    const values = this.values();
    if (this.manager.surface.strict) assertNoFunctions(values);
    const json = valuesToJson(values);
    if (this.baseJson !== undefined) return json !== this.baseJson && changedKeys(snapshot(JSON.parse(this.baseJson) as object), snapshot(values)).size > 0;
    if (this.stored!.record.hasData(json)) return false;
    return changedKeys(snapshot(this.storedValues()), snapshot(values)).size > 0;
  }

  /** Whose session it is, as long as what that stands on is unchanged. */
  principal(): string | undefined {
    if (this.claim !== undefined) return this.claim.principal;
    const values = this.values();
    if (this.facts.f !== undefined) {
      return this.facts.p !== undefined && this.stillStands(this.facts, this.storedValues(), values) ? this.facts.p : this.derivedPrincipal(values);
    }
    return this.derivedPrincipal(values);
  }

  /** When that was proved; `undefined` with the principal void. */
  authenticatedAt(): number | undefined {
    if (this.claim !== undefined) return this.claim.at;
    return this.facts.f !== undefined && this.principal() === this.facts.p ? this.facts.a : undefined;
  }

  private derivedPrincipal(values: SessionValues): string | undefined {
    const principal = this.manager.options.principalOf(values);
    return principal === undefined ? undefined : String(principal);
  }

  /** Whether a login still counts: the record is what it was written as, and what the app changed since keeps to the same person. */
  private stillStands(facts: Facts, before: SessionValues, after: SessionValues): boolean {
    if (fingerprint(after, facts.k) === facts.f) return true;
    if (fingerprint(before, facts.k) !== facts.f || lostLoginKey(before, after, facts.k)) return false;
    return this.derivedPrincipal(before) === this.derivedPrincipal(after);
  }

  /** The facts of the next write. */
  private nextFacts(values: SessionValues | undefined): Facts {
    const { manager } = this;
    const facts: Facts = { ...this.facts };
    const now = manager.now();
    const overrides = this.overrides();
    if (overrides === undefined) delete facts.o;
    else facts.o = overrides;
    const isNew = this.status === 'new';
    if (this.rotation !== undefined) {
      facts.i = now;
      // A login begins the time that `absoluteTimeout` counts.
      if (this.rotation !== 'renew') facts.c = now;
    }
    if (isNew || this.due || this.rotation !== undefined || this.claim !== undefined || this.cookieChanged) {
      facts.s = now;
      facts.e = manager.expiryOf(facts, now);
    }
    if (isNew || this.rotation !== undefined) {
      const device = this.host.device();
      if (device !== undefined) facts.d = device;
      const bound = this.host.binding();
      if (bound !== undefined) facts.b = bound;
    }
    if (manager.options.schemaVersion !== undefined) facts.m = manager.options.schemaVersion;
    if (this.claim !== undefined) {
      facts.p = this.claim.principal;
      facts.a = this.claim.at;
      facts.f = fingerprint(values ?? this.values(), this.claim.keys);
      if (this.claim.keys === undefined) delete facts.k;
      else facts.k = this.claim.keys;
    } else if (values !== undefined || this.stored?.record.facts === undefined) this.settlePrincipal(facts, values ?? this.values());
    facts.n = newNonce();
    return facts;
  }

  private settlePrincipal(facts: Facts, values: SessionValues): void {
    if (facts.f !== undefined) {
      if (this.stillStands(facts, this.storedValues(), values)) {
        facts.f = fingerprint(values, facts.k);
        return;
      }
      this.manager.events.emit('principal-void', this.id, { handle: facts.h, principal: facts.p });
      delete facts.a;
      delete facts.f;
      delete facts.k;
    }
    const principal = this.derivedPrincipal(values);
    if (principal === undefined) delete facts.p;
    else facts.p = principal;
  }

  /**
   * What to write now.
   *
   * @throws SessionDataError for data that JSON, or the schema, doesn't take.
   */
  draft(values?: SessionValues): Draft {
    const current = values ?? (this.live === undefined ? undefined : this.values());
    if (current === undefined) {
      const facts = this.nextFacts(undefined);
      const cookie = this.host.cookieJson(this, facts);
      const raw = this.baseJson === undefined ? this.stored?.record.rawData() : undefined;
      const json = raw === undefined ? valuesToJson(this.storedValues()) : '';
      return { text: raw === undefined ? recordText(cookie, json, facts) : recordTextWithRaw(cookie, raw, facts), json, facts, cookie };
    }
    if (this.manager.surface.strict) assertSerializable(current);
    const json = valuesToJson(current);
    assertNotTooDeep(json);
    if (this.manager.options.schema !== undefined) checkSchema(this.manager.options.schema, json);
    const facts = this.nextFacts(current);
    const cookie = this.host.cookieJson(this, facts);
    return { text: recordText(cookie, json, facts), json, facts, cookie };
  }

  /** A draft was written: it is the new base. Its revision isn't known. */
  saved(draft: Draft): void {
    this.status = 'loaded';
    this.stored = undefined;
    this.facts = draft.facts;
    this.baseJson = draft.json === '' ? (this.baseJson ?? valuesToJson(this.storedFrom(draft))) : draft.json;
    this.due = false;
    this.claim = undefined;
    this.rotation = undefined;
    this.replaces = undefined;
    this.ownCookie?.restore(draft.facts.o ?? {});
  }

  /** What was found in the store is what this core wrote. */
  confirmed(found: LoadedRecord): void {
    this.stored = found;
    this.baseJson = undefined;
    this.facts = found.record.facts ?? this.facts;
    this.due = false;
    this.claim = undefined;
    this.rotation = undefined;
  }

  private storedFrom(draft: Draft): SessionValues {
    const { cookie: _cookie, __keycard: _facts, ...values } = JSON.parse(draft.text) as SessionValues;
    return values;
  }

  /** Keeps the data that changes are counted from, when the version that it was read from is given up. */
  pinBase(): void {
    if (this.stored !== undefined) this.baseJson ??= valuesToJson(this.storedValues());
  }

  /** A newer version was found: what the app changed is carried over to it. `id` where it has gone on under another. */
  rebase(found: LoadedRecord, id: string): void {
    const theirs = found.record.data();
    const theirValues = typeof theirs === 'string' ? {} : theirs;
    if (this.live !== undefined) {
      const base = snapshot(this.storedValues());
      const mine = snapshot(this.values());
      const merged = merge(base, mine, snapshot(theirValues), this.manager.options.onConflict);
      this.become(JSON.parse(toJson(merged)) as SessionValues, changedKeys(mine, merged));
    }
    this.idText = id;
    this.stored = found;
    this.baseJson = undefined;
    if (found.record.facts !== undefined) this.facts = found.record.facts;
  }

  /** The session takes these values, at these keys or at all. */
  become(values: SessionValues, keys: ReadonlySet<string> = new Set([...Object.keys(this.values()), ...Object.keys(values)])): void {
    const live = this.session as SessionValues;
    const { reserved } = this.manager.surface;
    for (const key of keys) {
      const hidden = reserved.has(key);
      if (!Object.hasOwn(values, key)) {
        if (hidden) this.hidden.delete(key);
        else delete live[key];
      } else if (hidden) this.hidden.set(key, values[key]);
      else live[key] = values[key];
    }
  }

  /** Read again: what the app changed is dropped. */
  reset(found: LoadedRecord, id: string): void {
    this.idText = id;
    this.stored = found;
    this.baseJson = undefined;
    this.facts = found.record.facts ?? this.facts;
    const values = found.record.data();
    if (this.live !== undefined) this.become(typeof values === 'string' ? {} : values);
  }
}

import { changedKeys, merge, snapshot, toJson } from './changes.js';
import { defaultPrincipalOf, derivePrincipal, hasPassportUser } from './derived-principal.js';
import { SessionOptionsError } from '../common/errors.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';
import { fingerprint, loginKeys, lostLoginKey } from './principal-print.js';
import { recordText, recordTextWithRaw, type SessionValues } from '../record/record-text.js';
import type { SessionCookie } from '../cookie/session-cookie.js';
import { newHandle } from '../record/session-id.js';
import type { SessionManager } from '../session-manager.js';
import type { Admission } from '../commit/principal-sessions.js';
import type { LoadedRecord } from '../record/session-records.js';
import { SchemaView } from './schema/schema-view.js';
import { assertNoLostValues, assertNotTooDeep, assertSerializable, valuesToJson } from './session-values.js';

/** Where a session's core lives: what a request adds to it. */
export interface CoreHost {
  /** A session's cookie as this request wants it. */
  cookieOf(core: SessionCore): SessionCookie;
  /** The JSON of the `cookie` part of a record. */
  cookieJson(core: SessionCore, metadata: SessionMetadata): string;
  newId(): string;
  /** The device that asks. */
  device(): Device | undefined;
  /** What the session is bound to. */
  binding(): string | undefined;
}

/**
 * `new`: not in the store. `loaded`: in the store. `muted`: nothing will be written, and no cookie set (the store failed, or the id was
 * retired without a way forward). `gone`: somebody else ended it. `ended`: this request did. `detached`: another took its place.
 */
export type CoreStatus = 'new' | 'loaded' | 'muted' | 'gone' | 'ended' | 'detached';
/** How an id is replaced. */
export type Rotation = 'renew' | 'confirm' | 'login' | 'regenerate';
/** How a session has come to be somebody's, or has come under another id. */
export type Arrival = 'login' | 'confirmed' | 'derived' | 'adopted' | 'renewed';

/** Who logs in, or proves again who they are. */
export interface Claim {
  readonly principal: string;
  readonly at: number;
  /** The keys that `login()` was given, beside `user` and `passport`. */
  readonly keys: readonly string[] | undefined;
  /** All that it was given: no conflict takes them away. */
  readonly given: readonly string[];
  /** The nonce of the principal's revocation mark as it stood then. */
  readonly mark: string;
  /** A life that an earlier request gave the session ends with this login. */
  readonly endsLife?: boolean | undefined;
}

/** What is about to be written. */
export interface Draft {
  readonly text: string;
  readonly json: string;
  readonly metadata: SessionMetadata;
  readonly cookie: string;
  /** How the session comes to be somebody's by this, if it does. */
  readonly arrival: Arrival | undefined;
  /** Whose session it was until now. */
  readonly voided: string | undefined;
  /** Of a login: the mark as it stood before. */
  readonly mark: string | undefined;
}

/** How far another process' clock may be ahead. */
const MOST_AHEAD_MS = 5_000;
const NOTHING_HIDDEN: ReadonlyMap<string, unknown> = new Map();

/** One session as one request knows it: what was read, what the app made of it, and how the two differ. */
export class SessionCore {
  status: CoreStatus = 'new';
  metadata: SessionMetadata;
  /** The version that was read; `undefined`: none yet, or its revision isn't known. */
  stored: LoadedRecord | undefined;
  rotation: Rotation | undefined;
  /** A session whose place this one takes (`regenerate`). */
  replaces: SessionCore | undefined;
  /** The idle end is to be moved, or metadata to be written, though no data changed. */
  due = false;
  /** A function that was given to `update()` is at work. */
  applying = false;
  /** That function has not given back, or reached its first `await`, yet. */
  inSyncPart = false;
  /** Who logs in with this request. */
  claim: Claim | undefined;
  /** This request has given the session an id to which no other leads. */
  hasFreshId = false;
  /** The id was replaced while this request ran, by a login or the like: the request learns nothing of the new one. */
  isReplaced = false;
  /** The place that this session has taken among its principal's, until it is written and settled. */
  admission: Admission | undefined;
  /** Whose session it is differs from what the record says, so that the index has it wrong. */
  unsettled = false;
  /** When this request began to know the session, in ms since the epoch. */
  readonly openedAt: number;

  /** How long ago the session was read, or begun, by this request. */
  get ageMs(): number {
    return this.manager.now() - this.openedAt;
  }

  /** Data under names that the session keeps for itself. */
  hidden: ReadonlyMap<string, unknown> = NOTHING_HIDDEN;
  /** The JSON of the data as it was just compared, for the draft that is made in the same breath. */
  private compared: string | undefined;
  /** The data were changed by this request, and saved. */
  wasChanged = false;
  /** Attributes of the cookie were set by this request, and saved. */
  cookieWasChanged = false;
  private idText: string | undefined;
  private nextIdText: string | undefined;
  private live: object | undefined;
  private ownCookie: SessionCookie | undefined;
  /** The JSON of the data that changes are counted from; `undefined`: as it stands in `stored`. */
  private baseJson: string | undefined;
  /** How the data that the app sees differ from what is stored; `undefined` without a schema. */
  private readonly view: SchemaView | undefined;

  constructor(
    readonly manager: SessionManager,
    readonly host: CoreHost,
    source?: { readonly id: string; readonly loaded: LoadedRecord },
  ) {
    const now = manager.now();
    this.openedAt = now;
    this.view = manager.schema === undefined ? undefined : new SchemaView();
    if (source === undefined) {
      this.metadata = this.freshMetadata(now);
      this.baseJson = '{}';
      return;
    }
    this.idText = source.id;
    this.stored = source.loaded;
    this.status = 'loaded';
    const metadata = source.loaded.record.metadata;
    this.metadata = metadata ?? this.freshMetadata(now);
    this.due = metadata === undefined || manager.isTouchDue(metadata) || manager.options.resave;
  }

  private freshMetadata(now: number): SessionMetadata {
    return {
      createdAt: now,
      seenAt: now,
      expiresAt: now + this.manager.options.idleMs,
      handle: newHandle(),
      nonce: '',
    };
  }

  /** The id; of a new session it is drawn when it is first asked for. */
  get id(): string {
    this.idText ??= this.host.newId();
    return this.idText;
  }
  set id(id: string) {
    this.idText = id;
  }

  /** The id that a session with a rotation is to have. The app may have been given it already. */
  get nextId(): string {
    if (this.status === 'new' || this.replaces !== undefined) return this.id;
    this.nextIdText ??= this.host.newId();
    return this.nextIdText;
  }

  /** The id that was drawn may be in the store after all, and is not used again. */
  dropNewId(): void {
    if (this.status === 'new' || this.replaces !== undefined) this.idText = undefined;
    this.nextIdText = undefined;
  }

  /** The id as the app sees it: the one that the browser will have after this response. */
  get visibleId(): string {
    return this.rotation === undefined || this.status !== 'loaded' ? this.id : this.nextId;
  }

  get key(): string {
    return this.manager.records.key(this.id);
  }

  /** What the app holds. Made when it is first asked for; until then the record isn't parsed. */
  get session(): object {
    return this.live ?? this.materialize();
  }

  private materialize(): object {
    const read = this.baseJson === undefined ? this.stored!.record.data() : parsed(this.baseJson);
    let values: SessionValues = {};
    if (typeof read === 'string') {
      this.manager.records.unreadable(this.key, read);
      this.becomeNew();
    } else values = this.migrated(read);
    this.live = this.manager.surface.create(this);
    this.fill(this.seen(values));
    return this.live;
  }

  /** Whether the data are of an older version of the app's than this. */
  private get isOutdated(): boolean {
    const { migrate, schemaVersion } = this.manager.options;
    return (
      migrate !== undefined &&
      schemaVersion !== undefined &&
      this.status !== 'new' &&
      (this.metadata.schemaVersion ?? Number.NEGATIVE_INFINITY) < schemaVersion
    );
  }

  /** Data as they were read, in today's shape. They, and a login that stands on them, count as unchanged. */
  private migrated(read: SessionValues): SessionValues {
    const { migrate, schemaVersion } = this.manager.options;
    if (!this.isOutdated) return read;
    const metadata: SessionMetadata = { ...this.metadata, schemaVersion: schemaVersion! };
    const stands =
      metadata.loginFingerprint !== undefined && fingerprint(read, metadata.loginKeys) === metadata.loginFingerprint;
    const given = migrate!(read, this.metadata.schemaVersion);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw new SessionOptionsError('"migrate" gave no object; it takes the old data and gives the new.');
    }
    const json = valuesToJson(given);
    const values = JSON.parse(json) as SessionValues;
    if (stands) metadata.loginFingerprint = fingerprint(values, metadata.loginKeys);
    this.metadata = metadata;
    this.baseJson = json;
    return values;
  }

  /** Who asks for data of an older version gets today's. Where they can't be read, that is left to who reads them. */
  private migrateIfOutdated(): void {
    if (this.live === undefined && this.isOutdated && typeof this.stored?.record.data() !== 'string') void this.session;
  }

  /** What the schema makes of stored data; a key that it refuses is left out. */
  private seen(stored: SessionValues, keys?: ReadonlySet<string>): SessionValues {
    const { schema, events } = this.manager;
    if (schema === undefined) return stored;
    const before = snapshot(stored);
    const { values, refused } = schema.read(stored);
    this.view!.note(before, values, refused, keys);
    for (const [key, why] of refused) {
      if (keys?.has(key) === false) continue;
      events.emit('key-dropped', this.status === 'new' ? undefined : this.key, {
        handle: this.metadata.handle,
        reason: key,
      });
      this.manager.warnOnce(
        `refused ${key}`,
        `A session's key "${key}" doesn't fit the schema (${why}); it was dropped, and the session goes on without it.`,
      );
    }
    return values;
  }

  /** A record that can't be read is left as it is: its holder goes on as somebody new. */
  private becomeNew(): void {
    this.status = 'new';
    this.stored = undefined;
    this.idText = undefined;
    this.due = false;
    this.metadata = this.freshMetadata(this.manager.now());
    this.baseJson = '{}';
  }

  private fill(values: SessionValues): void {
    const live = this.live as SessionValues;
    const { reserved } = this.manager.surface;
    for (const key of Object.keys(values)) {
      if (reserved.has(key)) {
        this.hide(key, values[key]);
        this.manager.noteHiddenKey(key);
      } else live[key] = values[key];
    }
  }

  /** Keeps data under a name that is the session's own. */
  hide(key: string, value: unknown): void {
    this.hidden = new Map(this.hidden).set(key, value);
  }

  unhide(key: string): void {
    const hidden = new Map(this.hidden);
    hidden.delete(key);
    this.hidden = hidden;
  }

  /** The data as it stands, in terms of what is stored: what a schema alone made of it is no change. */
  values(): SessionValues {
    this.migrateIfOutdated();
    if (this.live === undefined) return this.storedValues();
    return this.view === undefined ? this.data() : this.view.stored(this.data());
  }

  /** The data as the app sees it: its own keys, and those it can only reach by `dataOf`. */
  data(): SessionValues {
    this.migrateIfOutdated();
    if (this.live === undefined && this.view !== undefined) void this.session;
    if (this.live === undefined) return this.storedValues();
    const own = this.manager.surface.data(this.live);
    return this.hidden.size === 0 ? own : { ...Object.fromEntries(this.hidden), ...own };
  }

  /** The data of the version that was read. */
  private storedValues(): SessionValues {
    if (this.baseJson !== undefined) return parsed(this.baseJson);
    const read = this.stored?.record.data();
    return typeof read === 'object' ? read : {};
  }

  get cookie(): SessionCookie {
    this.ownCookie ??= this.host.cookieOf(this);
    return this.ownCookie;
  }

  set cookie(cookie: SessionCookie) {
    this.ownCookie = cookie;
  }

  /** The cookie, where somebody asked for it. */
  get cookieIfAsked(): SessionCookie | undefined {
    return this.ownCookie;
  }

  /** What the app set of the cookie on this very session. */
  overrides(): Record<string, unknown> | undefined {
    return this.ownCookie === undefined ? this.metadata.cookieOverrides : this.ownCookie.overrides();
  }

  /** Whether that differs from what the record says. */
  get cookieChanged(): boolean {
    return (
      this.ownCookie !== undefined &&
      JSON.stringify(this.ownCookie.overrides()) !== JSON.stringify(this.metadata.cookieOverrides)
    );
  }

  /** Whether the app holds it. */
  get isGiven(): boolean {
    return this.live !== undefined;
  }

  /** Whether the app changed the data since it was read or saved. */
  isChanged(): boolean {
    return this.compare() !== undefined;
  }

  /** The same, for who goes on to write at once: the JSON is kept for the draft, until `forgetCompared`. */
  isChangedNow(): boolean {
    const json = this.compare();
    // What a schema made of the data is not what is written.
    if (this.view === undefined) this.compared = json;
    return json !== undefined;
  }

  forgetCompared(): void {
    this.compared = undefined;
  }

  /** The JSON of the data, where they have changed. */
  private compare(): string | undefined {
    if (this.live === undefined) return undefined;
    const values = this.values();
    if (this.manager.surface.strict) assertNoLostValues(values);
    const json = valuesToJson(values);
    return this.differs(json, values) ? json : undefined;
  }

  private differs(json: string, values: object): boolean {
    if (this.baseJson === undefined ? this.stored?.record.hasData(json) === true : json === this.baseJson) return false;
    // What this build wrote reads the same as long as nothing changed, unless keys were set apart: then their order says nothing.
    const inOrder = this.hidden.size === 0 && this.view === undefined;
    if (inOrder && (this.baseJson !== undefined || this.stored?.record.rawData() !== undefined)) return true;
    return changedKeys(snapshot(this.storedValues()), snapshot(values)).size > 0;
  }

  /** The session has ended, here or elsewhere: it is nobody's any more. */
  get isOver(): boolean {
    return this.status === 'gone' || this.status === 'ended';
  }

  /** Whose session it is, as long as what that stands on is unchanged. */
  principal(): string | undefined {
    if (this.isOver) return undefined;
    if (this.claim !== undefined) return this.claim.principal;
    const values = this.values();
    if (this.loginStands(values)) return this.metadata.principal;
    const principal = this.derivedPrincipal(values);
    if (
      this.status === 'loaded' &&
      (this.metadata.loginFingerprint !== undefined || principal !== this.metadata.principal)
    )
      this.unsettled = true;
    return principal;
  }

  private loginStands(values: SessionValues): boolean {
    const { metadata } = this;
    return (
      metadata.loginFingerprint !== undefined &&
      metadata.principal !== undefined &&
      this.stillStands(metadata, this.storedValues(), values)
    );
  }

  /** Who is logged in by the data as they were read: the principal, or `true` for somebody without one; `undefined`: nobody. */
  loggedInBefore(): string | true | undefined {
    const before = this.storedValues();
    const { metadata } = this;
    const stands =
      metadata.loginFingerprint !== undefined && fingerprint(before, metadata.loginKeys) === metadata.loginFingerprint;
    return this.loggedInBy(before, stands ? metadata.principal : this.derivedPrincipal(before));
  }

  /** The same by the data as the app has left them. */
  loggedInNow(): string | true | undefined {
    return this.isOver ? undefined : this.loggedInBy(this.data(), this.principal());
  }

  private loggedInBy(data: SessionValues, principal: string | undefined): string | true | undefined {
    try {
      return this.manager.options.isAuthenticated(data, principal) === true ? (principal ?? true) : undefined;
    } catch {
      // The guard says that it threw, and lets nobody in.
      return undefined;
    }
  }

  /** When that was proved; `undefined` with the principal void. */
  authenticatedAt(): number | undefined {
    if (this.isOver) return undefined;
    if (this.claim !== undefined) return this.claim.at;
    const { authenticatedAt: a } = this.metadata;
    // A clock that was ahead must not keep a login recent.
    if (a !== undefined && a > this.manager.now() + MOST_AHEAD_MS) return undefined;
    return this.loginStands(this.values()) ? a : undefined;
  }

  private derivedPrincipal(values: SessionValues): string | undefined {
    const { principalOf } = this.manager.options;
    const principal = derivePrincipal(principalOf, values);
    if (
      principal === undefined &&
      principalOf === defaultPrincipalOf &&
      this.claim === undefined &&
      this.metadata.loginFingerprint === undefined
    )
      this.warnOfNobody(values);
    return principal;
  }

  private warnOfNobody(values: SessionValues): void {
    if (!hasPassportUser(values)) return;
    this.manager.warnOnce(
      'passport without id',
      'Passport logged somebody in, but session.passport.user holds no id that the session knows (it may be text or a number, ' +
        'or an object with id, _id or sub): SessionGuard lets nobody in by it, and revokeAll() does not find the session. ' +
        'Serialize the id, done(null, user.id), or set the option "principalOf". This is said once.',
    );
  }

  /** Whether a login still counts: the record is what it was written as, and what the app changed since keeps to the same person. */
  private stillStands(metadata: SessionMetadata, before: SessionValues, after: SessionValues): boolean {
    if (fingerprint(after, metadata.loginKeys) === metadata.loginFingerprint) return true;
    if (
      fingerprint(before, metadata.loginKeys) !== metadata.loginFingerprint ||
      lostLoginKey(before, after, metadata.loginKeys)
    )
      return false;
    return this.derivedPrincipal(before) === this.derivedPrincipal(after);
  }

  /** The metadata of the next write. */
  private nextMetadata(values: SessionValues | undefined): SessionMetadata {
    const { manager } = this;
    const metadata: SessionMetadata = { ...this.metadata };
    const now = manager.now();
    const overrides = this.overrides();
    if (overrides === undefined) metadata.cookieOverrides = undefined;
    else metadata.cookieOverrides = overrides;
    const isNew = this.status === 'new';
    if (this.rotation !== undefined) {
      metadata.idSince = now;
      // A login begins the time that `absoluteTimeout` counts.
      if (this.rotation === 'login') metadata.createdAt = now;
    }
    if (isNew || this.due || this.rotation !== undefined || this.claim !== undefined || this.cookieChanged) {
      metadata.seenAt = now;
      const decided = manager.options.cookieFor === undefined ? undefined : this.cookie.originalMaxAge;
      const end = manager.expiryOf(metadata, now, decided ?? undefined);
      // A clock that is behind must not end a session that goes on.
      const goesOn = !isNew && this.claim === undefined && !this.cookieChanged;
      metadata.expiresAt = goesOn ? Math.max(metadata.expiresAt, end) : end;
    }
    if (isNew || this.rotation !== undefined) {
      const device = this.host.device();
      if (device !== undefined) metadata.device = device;
      const bound = this.host.binding();
      if (bound !== undefined) metadata.binding = bound;
    }
    if (!manager.options.device) metadata.device = undefined;
    // Data that nobody looked into are what they were. A newer app's stay its own: this one must not have them migrated twice.
    if (manager.options.schemaVersion !== undefined && (isNew || this.live !== undefined))
      metadata.schemaVersion = Math.max(metadata.schemaVersion ?? 0, manager.options.schemaVersion);
    if (this.claim !== undefined) {
      metadata.principal = this.claim.principal;
      metadata.authenticatedAt = this.claim.at;
      metadata.revocationNonce = this.claim.mark;
      metadata.formerPrincipal = undefined;
      metadata.principalSince = undefined;
      metadata.loginFingerprint = fingerprint(values ?? this.values(), this.claim.keys);
      if (this.claim.keys === undefined) metadata.loginKeys = undefined;
      else metadata.loginKeys = this.claim.keys;
    } else if (values !== undefined || this.unsettled || this.stored?.record.metadata === undefined)
      this.settlePrincipal(metadata, values ?? this.values());
    if (this.admission !== undefined && this.admission.principal === metadata.principal) {
      metadata.revocationNonce = this.admission.mark;
      if (this.admission.number === undefined) metadata.loginNumber = undefined;
      else metadata.loginNumber = this.admission.number;
    }
    manager.writer.nonces.stamp(metadata);
    return metadata;
  }

  private settlePrincipal(metadata: SessionMetadata, values: SessionValues): void {
    if (metadata.loginFingerprint !== undefined) {
      if (this.stillStands(metadata, this.storedValues(), values)) {
        metadata.loginFingerprint = fingerprint(values, metadata.loginKeys);
        return;
      }
      metadata.authenticatedAt = undefined;
      metadata.loginFingerprint = undefined;
      metadata.loginKeys = undefined;
    }
    const principal = this.derivedPrincipal(values);
    if (principal === metadata.principal) return;
    metadata.principalSince = undefined;
    metadata.loginNumber = undefined;
    metadata.revocationNonce = undefined;
    if (principal === undefined) {
      if (metadata.principal !== undefined) metadata.formerPrincipal = metadata.principal;
      metadata.principal = undefined;
    } else {
      metadata.formerPrincipal = undefined;
      metadata.principal = principal;
      if (this.openedAt > metadata.createdAt) metadata.principalSince = this.openedAt;
    }
  }

  /** The draft, with what has to be done about the principal once it is written. */
  private drafted(text: string, json: string, metadata: SessionMetadata, cookie: string): Draft {
    const before = this.status === 'new' ? undefined : this.metadata;
    const voided =
      before?.loginFingerprint !== undefined && metadata.loginFingerprint === undefined ? before.principal : undefined;
    return {
      text,
      json,
      metadata,
      cookie,
      arrival: this.arrivalAs(metadata.principal),
      voided,
      mark: this.claim?.mark,
    };
  }

  private arrivalAs(principal: string | undefined): Arrival | undefined {
    if (principal === undefined) return undefined;
    if (this.claim !== undefined)
      return this.rotation === 'confirm' || this.rotation === 'renew' ? 'confirmed' : 'login';
    if (this.rotation === 'renew' && this.metadata.principal === principal) return 'renewed';
    if (this.status === 'new') return 'derived';
    if (this.metadata.principal === principal) return undefined;
    // The data named him before this request changed anything.
    return this.derivedPrincipal(this.storedValues()) === principal ? 'adopted' : 'derived';
  }

  /**
   * What to write now.
   *
   * @throws SessionDataError for data that JSON, or the schema, doesn't take.
   */
  draft(values?: SessionValues): Draft {
    this.migrateIfOutdated();
    const current = values === undefined && this.live === undefined ? undefined : this.written(values ?? this.data());
    if (current === undefined) {
      const metadata = this.nextMetadata(undefined);
      const cookie = this.host.cookieJson(this, metadata);
      const raw = this.baseJson === undefined ? this.stored?.record.rawData() : undefined;
      const json = raw === undefined ? valuesToJson(this.storedValues()) : '';
      return this.drafted(
        raw === undefined ? recordText(cookie, json, metadata) : recordTextWithRaw(cookie, raw, metadata),
        json,
        metadata,
        cookie,
      );
    }
    if (this.manager.surface.strict) assertSerializable(current, (path) => this.manager.warnNotFinite(path));
    const json = values === undefined && this.compared !== undefined ? this.compared : valuesToJson(current);
    assertNotTooDeep(json);
    if (this.view !== undefined) this.manager.schema!.check(this.view.checkable(JSON.parse(json) as SessionValues));
    const metadata = this.nextMetadata(current);
    const cookie = this.host.cookieJson(this, metadata);
    return this.drafted(recordText(cookie, json, metadata), json, metadata, cookie);
  }

  private written(seen: SessionValues): SessionValues {
    if (this.view === undefined) return seen;
    const { schemaVersion } = this.manager.options;
    // What a newer app wrote may well not fit here.
    const isNewer =
      schemaVersion !== undefined &&
      this.metadata.schemaVersion !== undefined &&
      this.metadata.schemaVersion > schemaVersion;
    return this.view.written(seen, isNewer);
  }

  /**
   * A copy of the data as the app sees it, what is pending included.
   *
   * @throws SessionDataError for data that JSON, or the schema, doesn't take.
   */
  copy(): SessionValues {
    const { schema } = this.manager;
    const stored = JSON.parse(valuesToJson(this.written(this.data()))) as SessionValues;
    if (schema === undefined) return stored;
    schema.check(this.view!.checkable(stored));
    return schema.read(stored).values;
  }

  /** A draft was written: it is the new base. Its revision isn't known. */
  saved(draft: Draft): void {
    if (this.manager.surface.sendsCookie !== undefined) this.noteChanges(draft);
    if (draft.voided !== undefined)
      this.manager.events.emit('principal-void', this.key, { handle: draft.metadata.handle, principal: draft.voided });
    const isOld = this.status === 'loaded' && this.replaces === undefined;
    if (!isOld || (this.rotation !== undefined && this.rotation !== 'renew')) this.hasFreshId = true;
    this.isReplaced = false;
    this.status = 'loaded';
    this.stored = undefined;
    this.metadata = draft.metadata;
    this.unsettled = false;
    this.baseJson = draft.json === '' ? (this.baseJson ?? valuesToJson(this.storedFrom(draft))) : draft.json;
    if (draft.json !== '') this.view?.saved(snapshot(JSON.parse(draft.json) as object));
    this.due = false;
    this.claim = undefined;
    this.admission = undefined;
    this.rotation = undefined;
    this.nextIdText = undefined;
    this.replaces = undefined;
    this.rebaseCookie(draft.metadata.cookieOverrides);
  }

  private noteChanges(draft: Draft): void {
    this.wasChanged ||= draft.json !== '' && this.differs(draft.json, JSON.parse(draft.json) as object);
    this.cookieWasChanged ||=
      JSON.stringify(draft.metadata.cookieOverrides) !== JSON.stringify(this.metadata.cookieOverrides);
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
    const base = this.live === undefined ? undefined : snapshot(this.storedValues());
    const mine = this.live === undefined ? undefined : snapshot(this.values());
    const overrides = this.metadata.cookieOverrides;
    this.idText = id;
    this.stored = found;
    this.baseJson = undefined;
    if (found.record.metadata !== undefined) this.metadata = found.record.metadata;
    this.rebaseCookie(overrides);
    if (base === undefined || mine === undefined) return;
    const theirs = found.record.data();
    const theirValues = this.migrated(typeof theirs === 'string' ? {} : theirs);
    const merged = merge(base, mine, snapshot(theirValues), this.manager.options.onConflict);
    for (const key of this.claim?.given ?? []) if (mine.has(key)) merged.set(key, mine.get(key)!);
    const keys = changedKeys(mine, merged);
    this.become(this.seen(JSON.parse(toJson(merged)) as SessionValues, keys), keys);
  }

  /** Of the cookie stays what the app set since; the rest is as the newer version has it. */
  private rebaseCookie(before: SessionMetadata['cookieOverrides']): void {
    this.ownCookie?.rebase(this.host.cookieOf(this), new Set(Object.keys(this.cookieSetSince(before))));
  }

  /** A life that an earlier request gave the session ends; what this request set stays. */
  endLife(): void {
    if (this.metadata.cookieOverrides?.maxAge === undefined) return;
    void this.cookie;
    this.rebaseCookie(this.metadata.cookieOverrides);
  }

  private cookieSetSince(before: SessionMetadata['cookieOverrides']): Record<string, unknown> {
    const set = Object.entries(this.ownCookie?.overrides() ?? {});
    return Object.fromEntries(set.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before?.[name])));
  }

  /** Takes another's place: what this request has set of its cookie is for the response, and so for this session ("remember me"). */
  takeCookieOf(former: SessionCore): void {
    const set = former.cookieSetSince(former.metadata.cookieOverrides);
    if (Object.keys(set).length > 0) this.cookie.restore(set);
  }

  /**
   * Another principal logs in: of the former's session nothing stays but what this request itself has set. The old record is left to be
   * retired, as with `regenerate()`.
   */
  handOver(): void {
    const former = this.replaces ?? this.copyOfStored();
    const base = snapshot(this.storedValues());
    const before = this.metadata.cookieOverrides;
    const mine = [...snapshot(this.values())];
    const theirs = mine.filter(([key, json]) => base.get(key) === json || this.claim?.given.includes(key));
    this.become({}, new Set(theirs.map(([key]) => key)));
    this.view?.startOver();
    this.becomeNew();
    this.claim = undefined;
    this.rebaseCookie(before);
    if (former.status === 'loaded') this.replaces = former;
  }

  /**
   * The same session under an id that has replaced this one's, with what this request changed. What a login there was given stays as it is:
   * this request may not be the user's. `undefined` if nothing is left.
   */
  heir(found: LoadedRecord, id: string): SessionCore | undefined {
    const before = this.storedValues();
    const changed = changedKeys(snapshot(before), snapshot(this.values()));
    const { principal: p, loginKeys: k } = found.record.metadata ?? {};
    const kept =
      p === undefined || p === this.metadata.principal ? [] : loginKeys(k).filter((key) => changed.delete(key));
    if (changed.size === 0) return undefined;
    const heir = this.copyOfStored();
    heir.become({ ...this.data(), ...Object.fromEntries(kept.map((key) => [key, before[key]])) });
    heir.rebase(found, id);
    return heir;
  }

  /** What this request changed was saved under the id that has replaced this one's. */
  savedToHeir(): void {
    this.isReplaced = true;
    this.stored = undefined;
    this.baseJson = valuesToJson(this.values());
  }

  private copyOfStored(): SessionCore {
    const copy = new SessionCore(this.manager, this.host);
    copy.status = this.status;
    copy.idText = this.idText;
    copy.metadata = this.metadata;
    copy.stored = this.stored;
    copy.baseJson = this.baseJson;
    return copy;
  }

  /** The session that it was to go on from was ended meanwhile: nothing of that comes back, only what this request brought is kept. */
  startOver(): void {
    const base = this.storedValues();
    const given = new Set(this.claim?.given);
    const brought = Object.entries(this.data()).filter(([key]) => given.has(key) || !Object.hasOwn(base, key));
    this.become(Object.fromEntries(brought));
    this.view?.startOver();
    this.becomeNew();
  }

  /** The session takes these values, at these keys or at all. */
  become(
    values: SessionValues,
    keys: ReadonlySet<string> = new Set([...Object.keys(this.data()), ...Object.keys(values)]),
  ): void {
    const live = this.session as SessionValues;
    const { reserved } = this.manager.surface;
    for (const key of keys) {
      const hidden = reserved.has(key);
      if (!Object.hasOwn(values, key)) {
        if (hidden) this.unhide(key);
        else delete live[key];
      } else if (hidden) this.hide(key, values[key]);
      else live[key] = values[key];
    }
  }

  /** Drops what was changed and is not saved, a login or new id included. */
  discard(): void {
    const former = this.replaces;
    if (former !== undefined) {
      this.status = former.status;
      this.idText = former.idText;
      this.metadata = former.metadata;
      this.stored = former.stored;
      this.baseJson = former.baseJson;
      this.replaces = undefined;
    }
    this.claim = undefined;
    if (this.status === 'loaded') this.rotation = undefined;
    this.nextIdText = undefined;
    this.ownCookie?.rebase(this.host.cookieOf(this), new Set());
    if (this.live !== undefined) this.become(this.seen(this.migrated(this.storedValues())));
  }

  /** Read again: what the app changed is dropped. */
  reset(found: LoadedRecord, id: string): void {
    this.idText = id;
    this.stored = found;
    this.baseJson = undefined;
    this.metadata = found.record.metadata ?? this.metadata;
    this.claim = undefined;
    if (this.rotation !== 'renew') this.rotation = undefined;
    this.nextIdText = undefined;
    this.ownCookie?.rebase(this.host.cookieOf(this), new Set());
    const values = found.record.data();
    if (this.live !== undefined) this.become(this.seen(this.migrated(typeof values === 'string' ? {} : values)));
  }
}

const parsed = (json: string): SessionValues => (json === '{}' ? {} : (JSON.parse(json) as SessionValues));

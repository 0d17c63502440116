import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionValues } from '../record/record-text.js';
import type { TaskQueue } from '../common/keyed-queue.js';
import { newHandle } from '../common/session-id.js';
import type { LoadedRecord } from '../record/session-records.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { authenticatedAt, type LoggedIn, loggedInBefore, loginAsRead, type Owned, principalOf } from './logged-in.js';
import { type DataOwner, SessionData } from './session-data.js';
import type { SessionHost } from './session-host.js';
import type { SessionServices } from './session-services.js';
import type { Admission, IdChange, LoginClaim, SessionStatus } from './session-state.js';
import { StoredData } from './stored-data.js';

type Overrides = SessionMetadata['cookieOverrides'];

/** The state of one session in one request: what was read, what the app changed, and what is to be done. */
export class SessionCore implements DataOwner, Owned {
  status: SessionStatus = 'new';
  metadata: SessionMetadata;
  /** The version that was read; `undefined`: none, or it is outdated. The data stay, as a merge compares with them. */
  stored: LoadedRecord | undefined;
  readonly data: SessionData;
  /** How the id is to be changed by the next write. */
  idChange: IdChange | undefined;
  /** The login that the next write completes. */
  claim: LoginClaim | undefined;
  /** The session that this one takes the place of (`regenerate`). */
  replaces: SessionCore | undefined;
  /** The idle timeout is to be extended, or metadata are to be written, though no data changed. */
  isDue = false;
  /** fn of `update(fn)` is running. */
  applying = false;
  /** fn of `update(fn)` has neither returned nor reached its first `await`. */
  inSyncPart = false;
  /** This request has given the session a new id, and no older id leads to it. */
  hasFreshId = false;
  /** A login or the like in another request replaced the id. This request must not learn the new one. */
  isReplaced = false;
  /** The place among its principal's sessions, from the time it is taken until the session is written. */
  admission: Admission | undefined;
  /** The principal in the record is not the current one, so the index is wrong. */
  isUnsettled = false;
  /** This request changed data, and they are saved. */
  wasChanged = false;
  /** This request changed cookie attributes, and they are saved. */
  cookieWasChanged = false;
  /** The mark that stood when this request first asked for a place: a `revokeAll()` since then ends a login by data, whatever the clocks say. */
  firstMark: { readonly principal: string; readonly nonce: string } | undefined;
  /** The id that a new session is to follow, if its record was replaced or ended by others: it must lead nowhere. */
  formerId: string | undefined;
  /**
   * The writes of this session object, in order. What a write has to do (create, swap, change the id) is only known when
   * the one before it has finished.
   */
  turns: TaskQueue | undefined;
  readonly openedAt: number;
  private idText: string | undefined;
  private nextIdText: string | undefined;
  /** The cookie, if it was accessed. */
  cookieIfAsked: SessionCookie | undefined;

  constructor(
    readonly services: SessionServices,
    readonly host: SessionHost<SessionCore>,
    source?: { readonly id: string; readonly loaded: LoadedRecord },
  ) {
    const now = services.now();
    this.openedAt = now;
    if (source === undefined) {
      this.metadata = this.freshMetadata(now);
      this.data = new SessionData(services, this, StoredData.none());
      return;
    }
    this.idText = source.id;
    this.stored = source.loaded;
    this.status = 'stored';
    const { metadata } = source.loaded.record;
    this.metadata = metadata ?? this.freshMetadata(now);
    this.data = new SessionData(services, this, new StoredData(source.loaded.record, undefined));
    this.isDue = metadata === undefined || services.lifetimes.isTouchDue(metadata) || services.options.resave;
  }

  private freshMetadata(now: number): SessionMetadata {
    const { idleMs } = this.services.options;
    return { createdAt: now, seenAt: now, expiresAt: now + idleMs, handle: newHandle(), nonce: '' };
  }

  /** The object that the app gets. */
  get session(): object {
    return this.data.object;
  }

  get isNew(): boolean {
    return this.status === 'new';
  }

  /** The session has ended, in this request or elsewhere. */
  get isOver(): boolean {
    return this.status === 'ended-here' || this.status === 'ended-elsewhere';
  }

  // --- The id

  /** The id. A new session's id is generated at first access. */
  get id(): string {
    this.idText ??= this.host.newId();
    return this.idText;
  }
  set id(id: string) {
    this.idText = id;
  }

  get key(): string {
    return this.services.records.key(this.id);
  }

  /** The id after the next write. The app may have seen it already. */
  get nextId(): string {
    if (this.isNew || this.replaces !== undefined) return this.id;
    this.nextIdText ??= this.host.newId();
    return this.nextIdText;
  }

  forgetNextId(): void {
    this.nextIdText = undefined;
  }

  /**
   * The new id may be in the store, so it is not used again. Neither is the handle of a new session: a request may have
   * revoked it.
   */
  dropNewId(): void {
    if (this.isNew || this.replaces !== undefined) {
      this.idText = undefined;
      this.metadata = { ...this.metadata, handle: newHandle() };
    }
    this.nextIdText = undefined;
  }

  /** The id that the app sees: the one that the browser will have after this response. */
  get visibleId(): string {
    return this.idChange === undefined || this.status !== 'stored' ? this.id : this.nextId;
  }

  /** Whether the session has a saved id that is to be replaced. */
  get isChangingId(): boolean {
    return this.idChange !== undefined && (this.replaces ?? this).status === 'stored';
  }

  // --- The cookie

  /** The cookie by the options, the record and the request. Made at first access. */
  get cookie(): SessionCookie {
    this.cookieIfAsked ??= this.host.cookieOf(this);
    return this.cookieIfAsked;
  }

  set cookie(cookie: SessionCookie) {
    this.cookieIfAsked = cookie;
  }

  /** What the app set on this session's cookie. */
  overrides(): Overrides {
    return this.cookieIfAsked === undefined ? this.metadata.cookieOverrides : this.cookieIfAsked.overrides();
  }

  /** Whether that differs from the record. */
  get cookieChanged(): boolean {
    const { cookieIfAsked, metadata } = this;
    return cookieIfAsked !== undefined && JSON.stringify(this.overrides()) !== JSON.stringify(metadata.cookieOverrides);
  }

  /** What the app set since the cookie was made from a record with the settings `before`. */
  private setOnCookie(before: Overrides): Record<string, unknown> {
    const set = Object.entries(this.cookieIfAsked?.overrides() ?? {});
    return Object.fromEntries(set.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before?.[name])));
  }

  /** The cookie takes over a newer record's settings. What the app has set since stays. */
  rebaseCookie(before: Overrides): void {
    this.cookieIfAsked?.rebase(this.host.cookieOf(this), new Set(Object.keys(this.setOnCookie(before))));
  }

  /** The cookie forgets everything that the app set. */
  resetCookie(): void {
    this.cookieIfAsked?.rebase(this.host.cookieOf(this), new Set());
  }

  /** The lifetime that this request gave the cookie, in ms. */
  decidedLife(): number | undefined {
    return this.services.options.cookieFor === undefined ? undefined : (this.cookie.originalMaxAge ?? undefined);
  }

  /** Forgets a lifetime that an earlier request set. What this request set stays. */
  endLife(): void {
    const { cookieOverrides } = this.metadata;
    if (cookieOverrides?.maxAge === undefined) return;
    void this.cookie;
    this.rebaseCookie(cookieOverrides);
  }

  /**
   * For a session that takes another's place: takes over what this request set on the other's cookie ("remember me").
   */
  takeCookieOf(former: SessionCore): void {
    const set = former.setOnCookie(former.metadata.cookieOverrides);
    if (Object.keys(set).length > 0) this.cookie.restore(set);
  }

  // --- The principal

  principal(): string | undefined {
    return principalOf(this);
  }

  authenticatedAt(): number | undefined {
    return authenticatedAt(this);
  }

  loggedInBefore(): LoggedIn {
    const { login } = this.data.base;
    return login === undefined ? loggedInBefore(this, this.storedValues()) : login.who;
  }

  noteRead(values: SessionValues): void {
    this.data.base.login = loginAsRead(this, values);
  }

  // --- The data

  values(): SessionValues {
    return this.data.values();
  }

  storedValues(): SessionValues {
    return this.data.stored();
  }

  allValues(): SessionValues {
    return this.data.all();
  }

  // --- Changes of its state

  /** Applies the app's changes to a newer version. `id`: its id, if that has changed. */
  rebase(found: LoadedRecord, id: string): void {
    const overrides = this.metadata.cookieOverrides;
    this.data.rebase(found.record, this.claim?.given ?? [], () => {
      this.idText = id;
      this.stored = found;
      this.metadata = found.record.metadata ?? this.metadata;
      this.rebaseCookie(overrides);
    });
  }

  /** Continues as the stored session of another core. */
  takePlaceOf(other: SessionCore): void {
    this.status = other.status;
    this.idText = other.idText;
    this.metadata = other.metadata;
    this.stored = other.stored;
    this.data.base = other.data.base;
  }

  /** Leaves a record that is unreadable, or bound to another device, as it is, and becomes a new session. */
  becomeNew(): void {
    this.status = 'new';
    this.stored = undefined;
    this.idText = undefined;
    this.isDue = false;
    this.metadata = this.freshMetadata(this.services.now());
    this.data.base = StoredData.none();
  }

  /** This request's changes were saved in the session that replaced this one. */
  savedToSuccessor(): void {
    this.isReplaced = true;
    this.stored = undefined;
    this.data.rebaseOnNow();
  }
}

import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionValues } from '../record/record-text.js';
import { newHandle } from '../common/session-id.js';
import type { LoadedRecord } from '../record/session-records.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';
import {
  authenticatedAt,
  type LoggedIn,
  loggedInBefore,
  loggedInNow,
  type Owned,
  principalIn,
  principalOf,
} from './logged-in.js';
import type { MetadataSource } from './next-metadata.js';
import { type CookieOwner, OwnCookie } from './own-cookie.js';
import { type DataOwner, SessionData } from './session-data.js';
import type { SessionHost } from './session-host.js';
import type { SessionServices } from './session-services.js';
import type { Admission, IdChange, LoginClaim, SessionStatus } from './session-state.js';
import { StoredData } from './stored-data.js';

/** One session as one request knows it: what was read, what the app made of it, and how the two differ. */
export class SessionCore implements DataOwner, CookieOwner, Owned, MetadataSource {
  status: SessionStatus = 'new';
  metadata: SessionMetadata;
  /** The version that was read; `undefined`: none yet, or its revision isn't known. */
  stored: LoadedRecord | undefined;
  readonly data: SessionData;
  /** What is to be done about the id at the next write. */
  idChange: IdChange | undefined;
  /** Who logs in with this request. */
  claim: LoginClaim | undefined;
  /** A session whose place this one takes (`regenerate`). */
  replaces: SessionCore | undefined;
  /** The idle end is to be moved, or metadata to be written, though no data changed. */
  isDue = false;
  /** A function that was given to `update()` is at work. */
  applying = false;
  /** That function has not given back, or reached its first `await`, yet. */
  inSyncPart = false;
  /** This request has given the session an id to which no other leads. */
  hasFreshId = false;
  /** The id was replaced while this request ran, by a login or the like: the request learns nothing of the new one. */
  isReplaced = false;
  /** The place that this session has taken among its principal's, until it is written and settled. */
  admission: Admission | undefined;
  /** Whose session it is differs from what the record says, so that the index has it wrong. */
  isUnsettled = false;
  /** The data were changed by this request, and saved. */
  wasChanged = false;
  /** Attributes of the cookie were set by this request, and saved. */
  cookieWasChanged = false;
  readonly openedAt: number;
  private idText: string | undefined;
  private nextIdText: string | undefined;
  readonly ownCookie = new OwnCookie(this);

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

  /** What the app holds. */
  get session(): object {
    return this.data.object;
  }

  /** How long ago the session was read, or begun, by this request. */
  get ageMs(): number {
    return this.services.now() - this.openedAt;
  }

  get isNew(): boolean {
    return this.status === 'new';
  }

  /** The session has ended, here or elsewhere: it is nobody's any more. */
  get isOver(): boolean {
    return this.status === 'ended-here' || this.status === 'ended-elsewhere';
  }

  /** No record that was read says whose session it is: it is a peer's, or was written just now. */
  get isUntold(): boolean {
    return this.stored?.record.metadata === undefined;
  }

  get isGiven(): boolean {
    return this.data.isGiven;
  }

  // --- Its id

  /** The id; of a new session it is drawn when it is first asked for. */
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

  /** The id that a session is to have after its next write. The app may have been given it already. */
  get nextId(): string {
    if (this.isNew || this.replaces !== undefined) return this.id;
    this.nextIdText ??= this.host.newId();
    return this.nextIdText;
  }

  forgetNextId(): void {
    this.nextIdText = undefined;
  }

  /** The id that was drawn may be in the store after all, and is not used again; nor is the handle of a session that somebody may have revoked. */
  dropNewId(): void {
    if (this.isNew || this.replaces !== undefined) {
      this.idText = undefined;
      this.metadata = { ...this.metadata, handle: newHandle() };
    }
    this.nextIdText = undefined;
  }

  /** The id as the app sees it: the one that the browser will have after this response. */
  get visibleId(): string {
    return this.idChange === undefined || this.status !== 'stored' ? this.id : this.nextId;
  }

  /** Whether the session has an id that is to be replaced. */
  get isChangingId(): boolean {
    return this.idChange !== undefined && (this.replaces ?? this).status === 'stored';
  }

  // --- Its cookie

  makeCookie(): SessionCookie {
    return this.host.cookieOf(this);
  }

  get cookie(): SessionCookie {
    return this.ownCookie.get();
  }

  set cookie(cookie: SessionCookie) {
    this.ownCookie.put(cookie);
  }

  /** The cookie, where somebody asked for it. */
  get cookieIfAsked(): SessionCookie | undefined {
    return this.ownCookie.ifAsked;
  }

  /** What the app set of the cookie on this very session. */
  overrides(): Record<string, unknown> | undefined {
    return this.ownCookie.overrides(this.metadata.cookieOverrides);
  }

  /** Whether that differs from what the record says. */
  get cookieChanged(): boolean {
    return this.ownCookie.differsFrom(this.metadata.cookieOverrides);
  }

  decidedLife(): number | undefined {
    return this.services.options.cookieFor === undefined ? undefined : (this.cookie.originalMaxAge ?? undefined);
  }

  /** A life that an earlier request gave the session ends; what this request set stays. */
  endLife(): void {
    const { cookieOverrides } = this.metadata;
    if (cookieOverrides?.maxAge === undefined) return;
    void this.cookie;
    this.ownCookie.rebase(cookieOverrides);
  }

  /** Takes another's place: what this request has set of its cookie is for the response, and so for this session ("remember me"). */
  takeCookieOf(former: SessionCore): void {
    const set = former.ownCookie.setSince(former.metadata.cookieOverrides);
    if (Object.keys(set).length > 0) this.cookie.restore(set);
  }

  // --- Whose it is

  principal(): string | undefined {
    return principalOf(this);
  }

  authenticatedAt(): number | undefined {
    return authenticatedAt(this);
  }

  loggedInBefore(): LoggedIn {
    return loggedInBefore(this);
  }

  loggedInNow(): LoggedIn {
    return loggedInNow(this);
  }

  principalIn(values: SessionValues): string | undefined {
    return principalIn(this, values);
  }

  device(): Device | undefined {
    return this.host.device();
  }

  binding(): string | undefined {
    return this.host.binding();
  }

  // --- Its data

  values(): SessionValues {
    return this.data.values();
  }

  storedValues(): SessionValues {
    return this.data.stored();
  }

  allValues(): SessionValues {
    return this.data.all();
  }

  // --- What becomes of it

  /** The version that was read is not the store's any more. The data that changes are counted from are kept: the merge needs them. */
  giveUpStored(): void {
    this.data.pinBase();
    this.stored = undefined;
  }

  /** A newer version was found: what the app changed is carried over to it. `id` where it has gone on under another. */
  rebase(found: LoadedRecord, id: string): void {
    const overrides = this.metadata.cookieOverrides;
    this.data.rebase(found.record, this.claim?.given ?? [], () => {
      this.idText = id;
      this.stored = found;
      this.metadata = found.record.metadata ?? this.metadata;
      this.ownCookie.rebase(overrides);
    });
  }

  /** Is what another is in the store. */
  takePlaceOf(other: SessionCore): void {
    this.status = other.status;
    this.idText = other.idText;
    this.metadata = other.metadata;
    this.stored = other.stored;
    this.data.base = other.data.base;
  }

  /** A record that can't be read, or is another's, is left as it is: its holder goes on as somebody new. */
  becomeNew(): void {
    this.status = 'new';
    this.stored = undefined;
    this.idText = undefined;
    this.isDue = false;
    this.metadata = this.freshMetadata(this.services.now());
    this.data.base = StoredData.none();
  }

  /** What this request changed was saved under the id that has replaced this one's. */
  savedToHeir(): void {
    this.isReplaced = true;
    this.stored = undefined;
    this.data.rebaseOnNow();
  }
}

import type { LoadedRecord } from '../record/session-records.js';
import { changedKeys, snapshot } from '../common/merge.js';
import { loginKeys } from './login-fingerprint.js';
import { SessionCore } from './session-core.js';
import type { LoginClaim } from './session-state.js';
import { StoredData } from './stored-data.js';

/**
 * Another principal logs in: only what this request set stays of the former session. Its record is replaced by the
 * commit, as with `regenerate()`.
 */
export function handOver(core: SessionCore): void {
  const former = core.replaces ?? copyOf(core);
  const base = snapshot(core.storedValues());
  const before = core.metadata.cookieOverrides;
  const mine = [...snapshot(core.values())];
  const theirs = mine.filter(([key, json]) => base.get(key) === json || core.claim?.given.includes(key));
  core.data.become({}, new Set(theirs.map(([key]) => key)));
  core.data.startOver();
  core.becomeNew();
  core.claim = undefined;
  core.rebaseCookie(before);
  if (former.status === 'stored') core.replaces = former;
}

/** The same, while the login is written: another request has logged somebody else in meanwhile. */
export function handOverTo(core: SessionCore, claim: LoginClaim | undefined): void {
  const values = core.allValues();
  const given = Object.fromEntries((claim?.given ?? []).map((key) => [key, values[key]]));
  // The app may have seen it, and the record may be written already.
  const id = core.nextId;
  core.claim = undefined;
  handOver(core);
  core.id = id;
  core.data.become(given, new Set(Object.keys(given)));
  core.claim = claim;
}

/**
 * The session that this one was to replace has ended. Continues as a new session with what this request set, and
 * without the old data.
 *
 * @param isReplaced it did not end, but continues under another's login. Then this request's changes are kept as well.
 */
export function startOver(core: SessionCore, isReplaced: boolean): void {
  const base = core.storedValues();
  const changed = isReplaced ? changedKeys(snapshot(base), snapshot(core.values())) : undefined;
  const given = new Set(core.claim?.given);
  const isBrought = (key: string): boolean =>
    given.has(key) || (changed === undefined ? !Object.hasOwn(base, key) : changed.has(key));
  const brought = Object.entries(core.data.all()).filter(([key]) => isBrought(key));
  core.data.become(Object.fromEntries(brought));
  core.data.startOver();
  core.becomeNew();
}

/**
 * The session that has replaced this one, with this request's changes. Keys that the login set stay as they are, as
 * this request may not be the user's. `undefined` if there is nothing to save.
 */
export function continuedAs(core: SessionCore, found: LoadedRecord, id: string): SessionCore | undefined {
  const before = core.storedValues();
  const changed = changedKeys(snapshot(before), snapshot(core.values()));
  const { principal, loginKeys: keys } = found.record.metadata ?? {};
  const isOwn = principal === undefined || principal === core.metadata.principal;
  const kept = isOwn ? [] : loginKeys(keys).filter((key) => changed.delete(key));
  if (changed.size === 0) return undefined;
  const heir = copyOf(core);
  heir.data.become({ ...core.data.all(), ...Object.fromEntries(kept.map((key) => [key, before[key]])) });
  heir.rebase(found, id);
  return heir;
}

/** For a session that was read again: drops the app's changes. */
export function reset(core: SessionCore, found: LoadedRecord, id: string): void {
  core.id = id;
  core.stored = found;
  core.metadata = found.record.metadata ?? core.metadata;
  core.claim = undefined;
  if (core.idChange !== 'renew') core.idChange = undefined;
  core.data.base = new StoredData(found.record, undefined);
  dropChanges(core);
}

/** Drops unsaved changes, a login and a new id included. */
export function discard(core: SessionCore): void {
  if (core.replaces !== undefined) core.takePlaceOf(core.replaces);
  core.replaces = undefined;
  core.claim = undefined;
  if (core.status === 'stored') core.idChange = undefined;
  dropChanges(core);
}

/** For a login that is not valid: the session is as it was before it. */
export function loginUndone(core: SessionCore): void {
  discard(core);
  if (core.isNew) core.becomeNew();
}

function dropChanges(core: SessionCore): void {
  core.forgetNextId();
  core.resetCookie();
  core.data.drop();
}

/** A new core for the stored session. */
function copyOf(core: SessionCore): SessionCore {
  const copy = new SessionCore(core.services, core.host);
  copy.takePlaceOf(core);
  return copy;
}

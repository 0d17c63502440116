import { types } from 'node:util';
import { within } from '../common/deadline.js';
import { show } from '../common/duration.js';
import { ReservedKeyError, SessionStateError } from '../common/errors.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import type { SessionValues } from '../record/record-text.js';
import { changedKeys, snapshot } from '../common/merge.js';
import { isAnothers, loggedInAs, principalIn } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import { runWithin } from '../session/update-scope.js';

/** The callback of `update(fn)`: it changes the draft, or returns the new data. */
export type UpdateFunction = (draft: SessionValues) => unknown;

/** The result of an `update(fn)`, and the data that fn was given. */
export interface Applied {
  readonly values: SessionValues;
  readonly before: ReadonlyMap<string, string>;
}

/** Keys that are never session data, even if a record contains them. */
const ALWAYS_RESERVED: ReadonlySet<string> = new Set([METADATA_KEY, '__proto__', 'cookie']);

/** Runs fn of `update(fn)` on a copy of the data. */
export async function applied(core: SessionCore, fn: UpdateFunction): Promise<Applied> {
  const draft = core.data.copy();
  const before = snapshot(draft);
  const ownerBefore = principalIn(core, draft);
  core.applying = true;
  try {
    const values = await resultOf(core, draft, fn);
    if (core.status === 'ended-here')
      throw new SessionStateError('ENDED', 'The session ended while fn of update(fn) ran, so nothing was changed.');
    assertKeys(core, values, before);
    assertOwner(core, principalIn(core, values), ownerBefore);
    if (logsInUnderOldId(core, values)) throw new LoginByUpdate();
    return { values, before };
  } finally {
    core.applying = false;
  }
}

/** fn logs somebody in, and the browser's own id must never lead to it. Nothing was written. */
export class LoginByUpdate extends Error {}

function logsInUnderOldId(core: SessionCore, values: SessionValues): boolean {
  if (!core.services.surface.strict || core.status !== 'stored' || core.isChangingId) return false;
  if (core.host.res !== undefined && core.hasFreshId) return false;
  const who = loggedInAs(core, values);
  return who !== undefined && who !== core.loggedInBefore();
}

/** After the write: takes over the keys that `fn` changed. Changes that the app made to other keys meanwhile stay. */
export function take(core: SessionCore, made: Applied | undefined): void {
  if (made !== undefined) core.data.become(made.values, changedKeys(made.before, snapshot(made.values)));
}

async function resultOf(core: SessionCore, draft: SessionValues, fn: UpdateFunction): Promise<SessionValues> {
  core.inSyncPart = true;
  let running: unknown;
  try {
    running = types.isAsyncFunction(fn) ? runWithin(core, () => fn(draft)) : fn(draft);
  } finally {
    core.inSyncPart = false;
  }
  const { storeTimeoutMs } = core.services.options;
  const result = types.isPromise(running)
    ? await within(storeTimeoutMs, running, () => fnTookLonger(storeTimeoutMs))
    : running;
  if (result === undefined) return draft;
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw new SessionStateError(
      'UNSUPPORTED',
      'update(fn): fn must change the draft that it is given, or return an object with the new data. Nothing was changed.',
    );
  }
  return result as SessionValues;
}

/** While fn runs, no other write of this session in this process can start, so fn has a time limit. */
const fnTookLonger = (ms: number): SessionStateError =>
  new SessionStateError(
    'UNSUPPORTED',
    `fn of update(fn) took longer than ${ms} ms ("storeTimeout"), so nothing was changed. Fetch what it needs before update(), and only change the draft in fn.`,
  );

/** `session.user = …` gives another user a session of their own. In one swap of the same record that can't be done. */
function assertOwner(core: SessionCore, owner: string | undefined, before: string | undefined): void {
  if (owner === undefined || owner === before || !core.services.surface.strict || !isAnothers(core, owner)) return;
  throw new SessionStateError(
    'UNSUPPORTED',
    `update(fn): fn made the session of ${show(core.principal() ?? before)} that of ${show(owner)}. Call session.login() for the other user instead. Nothing was changed.`,
  );
}

/** Keys that can't be assigned to a session can't come from fn either, unless the record already had them. */
function assertKeys(core: SessionCore, values: SessionValues, before: ReadonlyMap<string, string>): void {
  const { reserved } = core.services.surface;
  for (const key of Object.keys(values)) {
    if (ALWAYS_RESERVED.has(key) || (reserved.has(key) && !before.has(key))) throw new ReservedKeyError(key);
  }
  const prototype = Object.getPrototypeOf(values) as unknown;
  if (prototype !== Object.prototype && prototype !== null) throw new ReservedKeyError('__proto__');
}

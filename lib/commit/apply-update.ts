import { types } from 'node:util';
import { within } from '../common/deadline.js';
import { ReservedKeyError, SessionStateError } from '../common/errors.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import type { SessionValues } from '../record/record-text.js';
import { changedKeys, snapshot } from '../common/changes.js';
import type { SessionCore } from '../session/session-core.js';
import { runWithin } from '../session/update-scope.js';

/** What `update(fn)` is given: it changes the draft, or gives the new data back. */
export type UpdateFunction = (draft: SessionValues) => unknown;

/** What `update(fn)` made, and what it was given. */
export interface Applied {
  readonly values: SessionValues;
  readonly before: ReadonlyMap<string, string>;
}

/** Never data, whatever a record holds. */
const ALWAYS_RESERVED: ReadonlySet<string> = new Set([METADATA_KEY, '__proto__', 'cookie']);

/** Runs the fn of an `update(fn)` on a copy of the data. */
export async function applied(core: SessionCore, fn: UpdateFunction): Promise<Applied> {
  const draft = core.data.copy();
  const before = snapshot(draft);
  core.applying = true;
  try {
    const values = await resultOf(core, draft, fn);
    if (core.status === 'ended-here')
      throw new SessionStateError('ENDED', 'The session was ended while fn of update(fn) ran.');
    assertKeys(core, values, before);
    return { values, before };
  } finally {
    core.applying = false;
  }
}

/** What was written is the session's from now on, at the keys that `fn` changed: what the app did to the others meanwhile stays. */
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
      'update(fn): fn changes the draft that it is given, or gives back an object with the new data.',
    );
  }
  return result as SessionValues;
}

/** While fn runs, nobody else in this process writes the session, so it has a time limit. */
const fnTookLonger = (ms: number): SessionStateError =>
  new SessionStateError(
    'UNSUPPORTED',
    `fn of update(fn) took longer than ${ms} ms ("storeTimeout"), so nothing was changed. Fetch what it needs before update(), and let fn only change the draft.`,
  );

/** What assignment to the session refuses is refused here too, unless an old record held it before. */
function assertKeys(core: SessionCore, values: SessionValues, before: ReadonlyMap<string, string>): void {
  const { reserved } = core.services.surface;
  for (const key of Object.keys(values)) {
    if (ALWAYS_RESERVED.has(key) || (reserved.has(key) && !before.has(key))) throw new ReservedKeyError(key);
  }
  const prototype = Object.getPrototypeOf(values) as unknown;
  if (prototype !== Object.prototype && prototype !== null) throw new ReservedKeyError('__proto__');
}

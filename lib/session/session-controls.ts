import { ReservedKeyError, SessionStateError } from '../common/errors.js';
import { CORE } from './session-core-symbol.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionCore } from './session-core.js';
import type { Device } from '../record/session-metadata.js';
import { isWithinUpdate } from './update-scope.js';
import { TrackedPromise } from '../common/tracked-promise.js';

/** A Node callback. */
export type SessionCallback<T = void> = (error: unknown, result?: T) => void;

/** A session as others may see it: no id, no data. */
export interface SessionSummary {
  /** A name for this session that may be shown, stays through renewals, and opens nothing. */
  readonly handle: string;
  /** Who is logged in; `undefined`: nobody. */
  readonly principal: string | undefined;
  readonly createdAt: Date;
  /** As exact as `touchInterval`. */
  readonly lastSeenAt: Date;
  /** When the principal last proved who they are: `login()` or `confirmLogin()`. */
  readonly authenticatedAt: Date | undefined;
  /** When the session ends if nobody comes back. */
  readonly expiresAt: Date;
  readonly device: Device;
}

/** What the engine knows of a session. Read-only. */
export interface SessionInfo extends SessionSummary {
  /** Not in the store yet. */
  readonly isNew: boolean;
}

type Verb = (core: SessionCore, ...args: unknown[]) => Promise<unknown>;

/** What a session can do. Each gives a promise and also takes a Node callback. */
const VERBS: Readonly<Record<string, Verb>> = {
  save: (core) => core.host.verbs.save(core),
  reload: (core) => core.host.verbs.reload(core),
  regenerate: (core) => core.host.verbs.regenerate(core),
  renew: (core) => core.host.verbs.renew(core),
  destroy: (core) => core.host.verbs.destroy(core, 'destroyed'),
  logout: (core) => core.host.verbs.destroy(core, 'logged-out'),
  login: (core, principal, data, options) =>
    core.host.verbs.login(core, principal, data as SessionValues | undefined, options),
  confirmLogin: (core) => core.host.verbs.confirmLogin(core),
  update: (core, fn) => core.host.verbs.update(core, fn),
  discard: (core) => core.host.verbs.discard(core),
};

/** Verbs of express-session's own surface. */
export const expressVerbs: readonly string[] = ['save', 'reload', 'regenerate', 'destroy'];

/** Calls a verb; a callback as the last argument is called once, outside the promise chain. */
export function callVerb(
  session: object,
  core: SessionCore,
  name: string,
  args: readonly unknown[],
  alwaysThis: boolean,
): unknown {
  const last = args[args.length - 1];
  const callback =
    typeof last === 'function' && !(name === 'update' && args.length === 1)
      ? (last as SessionCallback<unknown>)
      : undefined;
  if (isWithinUpdate(core)) return refuseWithinUpdate(session, name, callback, alwaysThis);
  const running = VERBS[name]!(core, ...(callback === undefined ? args : args.slice(0, -1)));
  if (callback !== undefined) {
    running.then(
      (result) => process.nextTick(callback, null, result),
      (error: unknown) => process.nextTick(callback, error),
    );
    return session;
  }
  const tracked = TrackedPromise.track(running, (error) => {
    core.services.notices.error(`session.${name}() failed, and nobody waited for it.`, error);
    core.host.noteUnheard(error);
  });
  return alwaysThis ? session : tracked;
}

/** A verb within fn of `update(fn)` would wait for itself. */
function refuseWithinUpdate(
  session: object,
  name: string,
  callback: SessionCallback<unknown> | undefined,
  alwaysThis: boolean,
): unknown {
  const error = new SessionStateError(
    'UNSUPPORTED',
    `session.${name}() can't be called within fn of update(fn): fn only changes the draft that it is given. Call it after update().`,
  );
  if (callback !== undefined) {
    process.nextTick(callback, error);
    return session;
  }
  if (alwaysThis) throw error;
  return Promise.reject(error);
}

/** The names that the full surface takes. */
export const controlNames: readonly string[] = [
  'id',
  'cookie',
  'info',
  'signal',
  'touch',
  'resetMaxAge',
  ...Object.keys(VERBS),
];

/** Puts the controls on a prototype. They are accessors whose setters refuse, so no assignment can replace one. */
export function defineControls(prototype: object): void {
  for (const name of Object.keys(VERBS)) {
    const method = function (this: { [CORE]: SessionCore }, ...args: unknown[]): unknown {
      return callVerb(this, this[CORE], name, args, false);
    };
    defineControl(prototype, name, () => method);
  }
  const touch = function (this: { [CORE]: SessionCore }): unknown {
    touchCore(this[CORE]);
    return this;
  };
  const resetMaxAge = function (this: { [CORE]: SessionCore }): unknown {
    this[CORE].cookie.touch();
    return this;
  };
  defineControl(prototype, 'touch', () => touch);
  defineControl(prototype, 'resetMaxAge', () => resetMaxAge);
  defineControl(prototype, 'id', (core) => core.visibleId);
  defineControl(prototype, 'cookie', (core) => core.cookie);
  defineControl(prototype, 'info', infoOf);
  defineControl(prototype, 'signal', (core) => core.host.signalOf(core));
}

export function touchCore(core: SessionCore): void {
  core.isDue = true;
  core.cookie.touch();
}

function defineControl(prototype: object, name: string, get: (core: SessionCore) => unknown): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: { [CORE]?: SessionCore }) {
      const core = this[CORE];
      if (core === undefined)
        throw new SessionStateError('UNSUPPORTED', `"${name}" belongs to a session, and was asked of something else.`);
      return get(core);
    },
    set() {
      throw new ReservedKeyError(name);
    },
  });
}

/** The metadata of a session, as they stand. */
export function infoOf(core: SessionCore): SessionInfo {
  const { metadata, services } = core;
  const authenticatedAt = core.authenticatedAt();
  return Object.freeze({
    isNew: core.isNew,
    principal: core.principal(),
    createdAt: new Date(metadata.createdAt),
    lastSeenAt: new Date(metadata.seenAt),
    authenticatedAt: authenticatedAt === undefined ? undefined : new Date(authenticatedAt),
    expiresAt: new Date(
      core.isDue || core.isNew ? services.lifetimes.expiryOf(metadata, services.now()) : metadata.expiresAt,
    ),
    device: deviceOf(metadata.device ?? (core.isNew ? core.host.device() : undefined)),
    handle: metadata.handle,
  });
}

export function deviceOf(device: Device | undefined): Device {
  return { userAgent: device?.userAgent, ip: device?.ip };
}

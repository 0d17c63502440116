import { ReservedKeyError, SessionStateError } from '../common/errors.js';
import { CORE } from './session-core-symbol.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionCore } from './session-core.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';
import { isWithinUpdate } from './update-scope.js';
import { TrackedPromise } from '../common/tracked-promise.js';

/** A Node callback. */
export type SessionCallback<T = void> = (error: unknown, result?: T) => void;

/** What may be shown of a session: no id, no data. */
export interface SessionSummary {
  /**
   * A public name of this session, for lists of devices. It is no secret, and stays the same when the id is renewed.
   */
  readonly handle: string;
  /** Who is logged in; `undefined`: nobody. */
  readonly principal: string | undefined;
  readonly createdAt: Date;
  /** When a request last used the session, exact to `touchInterval`. */
  readonly lastSeenAt: Date;
  /** When the principal last called `login()` or `confirmLogin()`. */
  readonly authenticatedAt: Date | undefined;
  /** When the session expires if there are no more requests. */
  readonly expiresAt: Date;
  readonly device: Device;
}

/** The metadata of a session, read-only. */
export interface SessionInfo extends SessionSummary {
  /** Whether the session is not in the store yet. */
  readonly isNew: boolean;
}

type Verb = (core: SessionCore, ...args: unknown[]) => Promise<unknown>;

/** The methods of a session. Each returns a promise, and also takes a Node callback. */
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

/** Calls a method. A callback as the last argument is called once, outside the promise chain. */
function callVerb(session: object, core: SessionCore, name: string, args: readonly unknown[]): unknown {
  const last = args[args.length - 1];
  const callback =
    typeof last === 'function' && !(name === 'update' && args.length === 1)
      ? (last as SessionCallback<unknown>)
      : undefined;
  if (isWithinUpdate(core)) return refuseWithinUpdate(session, name, callback);
  const running = VERBS[name]!(core, ...(callback === undefined ? args : args.slice(0, -1)));
  if (callback !== undefined) {
    running.then(
      (result) => process.nextTick(callback, null, result),
      (error: unknown) => process.nextTick(callback, error),
    );
    return session;
  }
  return TrackedPromise.track(running, (error) => {
    core.services.notices.error(`session.${name}() failed, and the app did not await it.`, error);
    core.host.noteUnawaited(error);
  });
}

/** A method called within fn of `update(fn)` would wait for itself. */
function refuseWithinUpdate(session: object, name: string, callback: SessionCallback<unknown> | undefined): unknown {
  const error = new SessionStateError(
    'UNSUPPORTED',
    `session.${name}() can't be called within fn of update(fn): fn may only change its draft. Call it after update().`,
  );
  if (callback !== undefined) {
    process.nextTick(callback, error);
    return session;
  }
  return Promise.reject(error);
}

/** The names that a session reserves for its controls. */
export const controlNames: readonly string[] = [
  'id',
  'cookie',
  'info',
  'signal',
  'touch',
  'resetMaxAge',
  ...Object.keys(VERBS),
];

/** Defines the controls on a prototype, as accessors whose setters throw: so no assignment can replace one. */
export function defineControls(prototype: object): void {
  for (const name of Object.keys(VERBS)) {
    const method = function (this: { [CORE]: SessionCore }, ...args: unknown[]): unknown {
      return callVerb(this, this[CORE], name, args);
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
        throw new SessionStateError(
          'UNSUPPORTED',
          `"${name}" is a property of a session, but was read from another object.`,
        );
      return get(core);
    },
    set() {
      throw new ReservedKeyError(name);
    },
  });
}

/** The current metadata of a session. */
export function infoOf(core: SessionCore): SessionInfo {
  const { metadata, services, isNew } = core;
  const expiresAt = core.isDue || isNew ? services.lifetimes.expiryOf(metadata, services.now()) : metadata.expiresAt;
  const device = metadata.device ?? (isNew ? core.host.device() : undefined);
  const current = { ...metadata, authenticatedAt: core.authenticatedAt(), expiresAt, device };
  return Object.freeze({ isNew, ...summaryOf(current, core.principal()) });
}

/** What may be shown of a session, by its metadata. */
export function summaryOf(metadata: SessionMetadata, principal: string | undefined): SessionSummary {
  const { handle, createdAt, seenAt, authenticatedAt, expiresAt, device } = metadata;
  return {
    handle,
    principal,
    createdAt: new Date(createdAt),
    lastSeenAt: new Date(seenAt),
    authenticatedAt: authenticatedAt === undefined ? undefined : new Date(authenticatedAt),
    expiresAt: new Date(expiresAt),
    device: { userAgent: device?.userAgent, ip: device?.ip },
  };
}

import type { SessionOptions } from '../options/options.js';
import { resolveOptions } from '../options/resolve-options.js';
import type { RequestSession } from '../transports/http/request-session.js';
import { SessionManager } from '../session-manager.js';
import { draftOf } from '../session/draft.js';
import { saved } from '../session/saved.js';
import { coreOf } from '../session/session-surface.js';
import type { Session, SessionData } from '../session/session-types.js';
import type { WithClock } from '../stores/clock.js';
import { MemoryStore } from '../stores/memory.store.js';
import { beginRequest } from './request-without-http.js';
import type { TestSession } from './session-testing.js';

/** The content of a fake session. */
export interface FakeSessionOptions<D = SessionData> extends TestSession<D>, WithClock {
  /** Options of the app that matter to the test, such as `schema` or `principalOf`. */
  readonly options?: Partial<Omit<SessionOptions, 'secret' | 'store' | 'clock'>> | undefined;
}

/** Makes sessions for unit tests. */
export interface FakeSessionConstructor {
  /** Without data and principal: the session of a new visitor (`info.isNew`). Otherwise an existing one. */
  new <D = SessionData>(fake?: FakeSessionOptions<NoInfer<D>>): Session<D>;
  /**
   * What `req.session` would be now: the same session, another one after `regenerate()`, `undefined` after `destroy()`
   * or `logout()`.
   */
  current<S extends object>(session: S): S | undefined;
}

/**
 * A session for unit tests of controllers and services, without an app, a request or a store:
 *
 * ```ts
 * const session = new FakeSession({ principal: '7', data: { cart: ['apple'] } });
 * await new CartController(cartService).add(session, 'pear');
 * expect(session.cart).toEqual(['apple', 'pear']);
 * ```
 *
 * It is a session of the real engine, so it behaves like one. Its methods can be spied on.
 */
// Its constructor returns a session of the engine, which TypeScript can't express in a class: hence the cast.
export const FakeSession: FakeSessionConstructor = class {
  constructor(fake: FakeSessionOptions = {}) {
    return fakeSession(fake);
  }

  static current<S extends object>(session: S): S | undefined {
    const request = coreOf(session)?.host as RequestSession | undefined;
    if (request === undefined) throw new TypeError('FakeSession.current(session) takes a session.');
    return request.session as S | undefined;
  }
} as unknown as FakeSessionConstructor;

function fakeSession({ data, principal, authenticatedAt, device, clock, options }: FakeSessionOptions): object {
  const store = new MemoryStore(clock === undefined ? {} : { clock });
  const manager = new SessionManager(
    resolveOptions({ ...options, load: 'eager', clock, secret: 'a secret that guards nothing but a unit test' }),
    store,
  );
  const core = beginRequest(manager, device).currentCore!;
  Object.assign(core.session, data);
  if (data === undefined && principal === undefined) return core.session;
  if (principal !== undefined) {
    const given = Object.keys(data ?? {});
    const keys = given.filter((key) => key !== 'user' && key !== 'passport');
    core.claim = {
      principal: String(principal),
      at: authenticatedAt?.getTime() ?? manager.now(),
      keys: keys.length === 0 ? undefined : keys,
      given,
      mark: '',
    };
  }
  const draft = draftOf(core);
  // In memory this is done when the call returns, and a constructor can't wait.
  void store.create(core.key, {
    text: draft.text,
    expiresAt: draft.metadata.expiresAt,
    principal: draft.metadata.principal,
  });
  saved(core, draft);
  return core.session;
}

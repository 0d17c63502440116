import { AsyncLocalStorage } from 'node:async_hooks';
import { SessionStateError } from '../../common/errors.js';
import type { Session, SessionData } from '../../session/session-types.js';
import { currentMessage } from '../../transports/websockets/current-message.js';
import { getSession, openedIn } from './get-session.js';

/**
 * Which request the running code belongs to. Created for an app that has `CurrentSession` injected; until then it costs
 * nothing.
 */
const storage: { current?: AsyncLocalStorage<object> } = {};

/** From now on, each request of this process runs in the storage. */
export function trackRequests(): void {
  storage.current ??= new AsyncLocalStorage();
}

/** Runs `next` so that services find the request's session. */
export function withinRequest(request: object, next: () => void): () => void {
  const { current } = storage;
  return current === undefined ? next : () => current.run(request, next);
}

/**
 * The session of the current request, or of the current message to a gateway, for services:
 *
 * ```ts
 * @Injectable()
 * export class AuditService {
 *   constructor(private readonly current: CurrentSession) {}
 *   async note(what: string) {
 *     const { info } = await this.current.get();
 *     console.log(info.principal, what);
 *   }
 * }
 * ```
 *
 * It uses an `AsyncLocalStorage`, which exists only if a constructor or property has `CurrentSession` injected.
 * Services stay singletons.
 */
export class CurrentSession {
  /**
   * The session. It is read now if `load` is `'lazy'` and nothing has read it yet.
   *
   * @throws SessionStateError `NO_REQUEST` outside a request; otherwise as `getSession()`.
   */
  async get<D = SessionData>(): Promise<Session<D>> {
    const message = currentMessage.getStore();
    if (message !== undefined) return openedIn<D>(message);
    const request = storage.current?.getStore();
    if (request === undefined)
      throw new SessionStateError(
        'NO_REQUEST',
        'CurrentSession was used outside a request (at start, in a job, or in a callback of an emitter or a pool), so there is no session. In a job use registry.open(id). For a callback, get the session before, or bind the callback with AsyncResource.bind().',
      );
    return getSession<D>(request);
  }

  /** Whether this code runs for a request, so that `get()` can return its session. */
  get isInRequest(): boolean {
    return (currentMessage.getStore() ?? storage.current?.getStore()) !== undefined;
  }
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { SessionStateError } from '../../common/errors.js';
import type { Session, SessionData } from '../../session/session-types.js';
import { currentMessage } from '../../transports/websockets/current-message.js';
import { getSession, openedIn } from './get-session.js';

/** Which request the running code belongs to. Made for an app that has `CurrentSession` injected; until then no request enters it. */
const storage: { current?: AsyncLocalStorage<object> } = {};

/** From now on each request of this process enters the storage. */
export function trackRequests(): void {
  storage.current ??= new AsyncLocalStorage();
}

/** What answers a request, such that services below it find the request's session. */
export function withinRequest(request: object, next: () => void): () => void {
  const { current } = storage;
  return current === undefined ? next : () => current.run(request, next);
}

/**
 * The session of the request, or of the message to a gateway, that is being answered, for services:
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
 * It is found by an `AsyncLocalStorage`, which a process has only if something of it has `CurrentSession` injected by a
 * constructor or property. Services stay singletons.
 */
export class CurrentSession {
  /**
   * The session, read if nothing has asked for it yet (`load: 'lazy'`).
   *
   * @throws SessionStateError `NO_REQUEST` outside a request; else as `getSession()`.
   */
  async get<D = SessionData>(): Promise<Session<D>> {
    const message = currentMessage.getStore();
    if (message !== undefined) return openedIn<D>(message);
    const request = storage.current?.getStore();
    if (request === undefined)
      throw new SessionStateError(
        'NO_REQUEST',
        'CurrentSession was asked outside a request (at start, in a job, or in a callback that an emitter or a pool calls), so there is no session. In a job use registry.open(id); in a callback take the session before, or bind it with AsyncResource.bind().',
      );
    return getSession<D>(request);
  }

  /** Whether this code runs for a request, so that `get()` can give its session. */
  get isInRequest(): boolean {
    return (currentMessage.getStore() ?? storage.current?.getStore()) !== undefined;
  }
}

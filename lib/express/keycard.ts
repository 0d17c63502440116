import { CORE } from '../session/session-core-symbol.js';
import type { SessionCore } from '../session/session-core.js';
import { defineControls } from '../session/session-controls.js';
import { coreOf } from '../session/session-surface.js';
import type { SessionControls, SessionData } from '../session/session-types.js';

/**
 * The methods and properties beyond express-session: `info login logout confirmLogin renew update discard`. All methods
 * return promises.
 */
export type Keycard<D = SessionData> = SessionControls<D>;

class KeycardControls {
  readonly #core: SessionCore;

  constructor(core: SessionCore) {
    this.#core = core;
  }

  get [CORE](): SessionCore {
    return this.#core;
  }
}

defineControls(KeycardControls.prototype);

/**
 * All methods of this library for a session of `nestjs-keycard/express`:
 *
 * ```ts
 * await keycard(req.session).login(user.id);
 * await keycard(req.session).update((draft) => { draft.visits = (draft.visits ?? 0) + 1; });
 * ```
 *
 * @throws TypeError if it is no session of a request.
 */
export function keycard<D = SessionData>(session: object | null | undefined): Keycard<D> {
  const core = session === null || session === undefined ? undefined : coreOf(session);
  if (core === undefined) throw new TypeError('keycard(session) takes the session of a request, such as req.session.');
  // `defineControls` defines the methods on the prototype, which TypeScript can't see.
  return new KeycardControls(core) as unknown as Keycard<D>;
}

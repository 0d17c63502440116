import { CORE } from '../session/session-core-symbol.js';
import { defineControls } from '../session/session-controls.js';
import { coreOf } from '../session/session-surface.js';
import type { SessionControls, SessionData } from '../session/session-types.js';

/**
 * The methods and properties beyond express-session: `info login logout confirmLogin renew update discard`. All methods
 * return promises.
 */
export type Keycard<D = SessionData> = SessionControls<D>;

const controls = {};
defineControls(controls);

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
  return Object.create(controls, { [CORE]: { value: core } }) as Keycard<D>;
}

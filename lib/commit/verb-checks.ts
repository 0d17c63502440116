import { SessionStateError, SessionUnavailableError } from '../common/errors.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionWriter } from './session-writer.js';

/** Of a request whose id a login or `regenerate()` has replaced, with no way on from it. */
export function holdsReplacedId(core: SessionCore): boolean {
  const { host } = core;
  return core === host.core && core.status === 'read-only' && host.failureToLoad === undefined;
}

/** Its holder may begin anew all the same, as with a second click on "log in", and gets a session of his own. */
export function beginAnew(core: SessionCore): void {
  if (holdsReplacedId(core)) core.status = 'new';
}

export function assertCurrent(core: SessionCore): void {
  const { host, status } = core;
  if (status === 'read-only')
    throw new SessionUnavailableError(
      'The session can not be saved: its store failed, or its id was replaced by a login meanwhile.',
      { cause: host.failureToLoad },
    );
  if (core.isOver) throw endedElsewhere();
  if (core !== host.core)
    throw new SessionStateError(
      'ENDED',
      'This session was replaced by regenerate(); use the one that regenerate() gives.',
    );
}

/** @throws SessionStateError if a new id could not be told to the browser. */
export function assertResponse({ host: { res } }: SessionCore, what: string): void {
  if (res === undefined)
    throw new SessionStateError(
      'NO_RESPONSE',
      `session.${what} gives the session a new id, and there is no response here that could carry it.`,
    );
  if (res.headersSent) throw headersSent(what);
}

export const headersSent = (what: string): SessionStateError =>
  new SessionStateError(
    'HEADERS_SENT',
    `session.${what} came after the response had begun, so its cookie can no longer be sent. Call it before the first byte.`,
  );

export const endedElsewhere = (): SessionStateError =>
  new SessionStateError('ENDED', 'The session has ended: it expired, or was logged out meanwhile.');

/** A new id is for what the session is once the writes that are under way have ended. */
export async function turnOf(writer: SessionWriter, core: SessionCore, what: string): Promise<void> {
  if (core.applying)
    throw new SessionStateError(
      'UNSUPPORTED',
      `session.${what} can't be called while fn of update(fn) is at work; wait for update() first.`,
    );
  await writer.underWay(core);
}

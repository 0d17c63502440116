import { SessionStateError, SessionUnavailableError } from '../common/errors.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionWriter } from './session-writer.js';

/** Whether a login or `regenerate()` has replaced the request's id, and the request can't follow to the new one. */
export function holdsReplacedId(core: SessionCore): boolean {
  const { host } = core;
  return core === host.core && core.status === 'read-only' && host.failureToLoad === undefined;
}

/** The browser may still start again, such as by a second click on "log in", and gets a new session. */
export function beginAnew(core: SessionCore): void {
  if (holdsReplacedId(core)) core.status = 'new';
}

export function assertCurrent(core: SessionCore): void {
  const { host, status } = core;
  if (status === 'read-only')
    throw new SessionUnavailableError(
      'The session can not be saved: its store failed, or a login in another request replaced its id.',
      { cause: host.failureToLoad },
    );
  if (status === 'ended-here') throw endedHere();
  if (core.isOver) throw endedElsewhere();
  if (core !== host.core)
    throw new SessionStateError(
      'ENDED',
      'This session was replaced by regenerate(). Use the session that regenerate() returns.',
    );
}

/** @throws SessionStateError if the browser could not be given a new id. */
export function assertResponse({ host: { res } }: SessionCore, what: string): void {
  if (res === undefined)
    throw new SessionStateError(
      'NO_RESPONSE',
      `session.${what} gives the session a new id, but there is no HTTP response that could set its cookie.`,
    );
  if (res.headersSent) throw headersSent(what);
}

export const headersSent = (what: string): SessionStateError =>
  new SessionStateError(
    'HEADERS_SENT',
    `session.${what} was called after the response had begun, so its cookie can no longer be sent. Call it before the first byte is sent.`,
  );

export const endedElsewhere = (): SessionStateError =>
  new SessionStateError('ENDED', 'The session has ended: it expired, or another request logged it out.');

export const endedHere = (): SessionStateError =>
  new SessionStateError(
    'ENDED',
    'This request has ended its session by logout() or destroy(). To continue with another session, call regenerate() instead, or only login(): both end the old one too.',
  );

/**
 * Waits for the writes under way, as they may change the session that gets a new id.
 *
 * @param began when the verb was called, by `performance.now()`: its caller waits for a limited time in all.
 */
export async function turnOf(writer: SessionWriter, core: SessionCore, what: string, began: number): Promise<void> {
  if (core.applying)
    throw new SessionStateError(
      'UNSUPPORTED',
      `session.${what} can't be called while fn of update(fn) runs. Await update() first.`,
    );
  await writer.inTime(async () => writer.underWay(core), performance.now() - began);
}

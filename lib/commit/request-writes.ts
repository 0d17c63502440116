import { isStoreError } from '../stores/session-store.error.js';
import type { MayEnd } from '../record/session-metadata.js';
import { isAnothers } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionHost } from '../session/session-host.js';
import { handOver } from '../session/succession.js';
import type { CommitServices } from './commit-services.js';
import type { Written } from './operation.js';
import type { WriteReason } from './plan-commit.js';
import type { SessionEnder } from './session-ender.js';
import type { SessionWriter } from './session-writer.js';

/** Who holds a session. */
export type Host = SessionHost<SessionCore>;

/** What a request writes, by itself or because the app asked for it, and what the request has to know of that. */
export class RequestWrites {
  constructor(
    private readonly services: CommitServices,
    private readonly writer: SessionWriter,
    private readonly ender: SessionEnder,
  ) {}

  /** @param waitedMs how long who waits for it has waited already. */
  write(core: SessionCore, why: WriteReason, waitedMs = 0): Promise<Written> {
    const movesEnd = doesMoveEnd(core);
    const writing = this.writer.write(core, why, waitedMs);
    core.data.forgetCompared();
    return movesEnd ? this.noteMove(core.host, writing) : writing;
  }

  /** Notes that the end of the session, or its cookie, was moved. */
  async noteMove(host: Host, writing: Promise<Written>): Promise<Written> {
    const written = await writing;
    if (written === 'ok') host.isEndMoved = true;
    return written;
  }

  /** Ends the record of a session, or of the one whose place it was to take, if there is one; and nothing else. */
  async end(
    core: SessionCore,
    as: 'destroyed' | 'logged-out' | 'revoked' = 'destroyed',
    mayEnd?: MayEnd,
  ): Promise<void> {
    const { host } = core;
    const ended = core.replaces ?? core;
    if (await this.track(host, this.writer.destroy(core, mayEnd))) this.emitEnd(ended, as);
    // By this process's clock it is over, but that may be wrong: a logout must not leave it to others.
    else if (host.overdueId !== undefined && ended.isNew) await this.track(host, this.ender.endOverdue(host.overdueId));
  }

  /** Of a session that was there, and that nobody else had ended before. */
  emitEnd(core: SessionCore, as: 'destroyed' | 'logged-out' | 'revoked'): void {
    const { handle, principal } = core.metadata;
    this.services.events.emit(as, core.key, { handle, principal });
  }

  /** From now on what is written to the session is lost. */
  detach(core: SessionCore): void {
    core.host.detached.set(core, textOf(core));
  }

  /** The response waits for what the app has begun. */
  async track<T>(host: Host, work: Promise<T>): Promise<T> {
    const { pending } = host;
    pending.add(work);
    try {
      return await work;
    } catch (error) {
      host.hasStoreFailed ||= isStoreError(error);
      throw error;
    } finally {
      pending.delete(work);
    }
  }

  /** A login by data gets a new id. With express-session's surface that is the app's. */
  giveNewId(core: SessionCore): void {
    if (!this.services.surface.strict) {
      this.warnOfFixation();
      return;
    }
    // As with login(): nothing of the former's is the next one's.
    const who = core.loggedInNow();
    if (who !== undefined && isAnothers(core, who)) handOver(core);
    core.data.forgetCompared();
    core.idChange = 'login';
  }

  warnOfFixation(): void {
    this.services.notices.warnOnce(
      'fixation',
      'A session has come to be logged in to under the id that the browser already had, which allows session fixation: call req.session.regenerate() first, or keycard(req.session).login().',
    );
  }

  /** Says once that something was written to a session that another has taken the place of. */
  reportDetached({ detached }: Host): void {
    const { notices } = this.services;
    for (const [core, json] of detached) {
      if (textOf(core) === json) continue;
      if (core.status === 'ended-here')
        notices.warnOnce(
          'after end',
          'A session was written to after logout() or destroy() had ended it; what was written is lost. To keep something for the visitor, call regenerate() instead.',
        );
      else
        notices.warnOnce(
          'after regenerate',
          'A session was written to after regenerate() had put another in its place; what was written is lost. Use the session that regenerate() gives.',
        );
    }
    detached.clear();
  }
}

/** Whether the next write moves the end of the session, or its cookie. */
export const doesMoveEnd = (core: SessionCore): boolean =>
  core.isDue || core.cookieChanged || core.idChange !== undefined;

/** The data, to be compared; what can't be JSON counts as unchanged. */
function textOf(core: SessionCore): string {
  try {
    return JSON.stringify(core.values());
  } catch {
    return '';
  }
}

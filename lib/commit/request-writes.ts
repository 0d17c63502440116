import { isStoreError } from '../stores/session-store.error.js';
import type { MayEnd } from '../record/session-metadata.js';
import { isAnothers, loggedInNow } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import type { SessionHost } from '../session/session-host.js';
import { handOver } from '../session/succession.js';
import type { CommitServices } from './commit-services.js';
import type { SessionEnder } from './session-ender.js';
import type { SessionWriter } from './session-writer.js';

/** The request or connection that a session object belongs to. */
export type Host = SessionHost<SessionCore>;

/** The writes of one request, and what the request has to know about them. */
export class RequestWrites {
  constructor(
    private readonly services: CommitServices,
    private readonly writer: SessionWriter,
    private readonly ender: SessionEnder,
  ) {}

  /** Ends the record of a session, or the record of the session that it was to take the place of. */
  async end(
    core: SessionCore,
    as: 'destroyed' | 'logged-out' | 'revoked' = 'destroyed',
    mayEnd?: MayEnd,
  ): Promise<void> {
    const { host } = core;
    const ended = core.replaces ?? core;
    if (await this.track(host, this.writer.destroy(core, mayEnd))) this.emitEnd(ended, as);
    // The record is expired by this process's clock. The clock may be wrong, so a logout ends it in the store as well.
    const { overdueId } = host;
    if (overdueId !== undefined)
      await this.track(
        host,
        this.writer.inTime(() => this.ender.endOverdue(overdueId)),
      );
  }

  /** Called only if this call ended the session, and no other had done so before. */
  emitEnd(core: SessionCore, as: 'destroyed' | 'logged-out' | 'revoked'): void {
    const { handle, principal } = core.metadata;
    this.services.events.emit(as, core.key, { handle, principal });
  }

  /** Marks a session object as replaced: later changes to it are lost, and reported. */
  detach(core: SessionCore): void {
    core.host.detached.set(core, textOf(core));
  }

  /** Makes the response wait for work that the app has started. */
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

  /** Gives a new id to a login by data. With express-session's API the app has to do that, so a warning is logged. */
  giveNewId(core: SessionCore): void {
    if (!this.services.surface.strict) {
      this.warnOfFixation();
      return;
    }
    // As with login(): a different user must not get the data of the former one.
    const who = loggedInNow(core);
    if (who !== undefined && isAnothers(core, who)) handOver(core);
    core.data.forgetCompared();
    core.idChange = 'login';
  }

  warnOfFixation(): void {
    this.services.notices.warnOnce(
      'fixation',
      'Somebody logged in under the session id that the browser already had, which allows session fixation. Call req.session.regenerate() first, or use keycard(req.session).login().',
    );
  }

  /** Warns once if the app changed a session object after another had replaced it. */
  reportDetached({ detached }: Host): void {
    const { notices } = this.services;
    for (const [core, json] of detached) {
      if (textOf(core) === json) continue;
      if (core.status === 'ended-here')
        notices.warnOnce(
          'after end',
          'A session was changed after logout() or destroy() had ended it, so the change is lost. To keep data for the visitor, call regenerate() instead.',
        );
      else
        notices.warnOnce(
          'after regenerate',
          'A session was changed after regenerate() had replaced it, so the change is lost. Use the session that regenerate() returns.',
        );
    }
    detached.clear();
  }
}

/** The data as JSON, to compare. Data that can't be JSON counts as unchanged. */
function textOf(core: SessionCore): string {
  try {
    return JSON.stringify(core.values());
  } catch {
    return '';
  }
}

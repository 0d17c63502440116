import { SessionUnavailableError } from '../common/errors.js';
import { pause } from '../common/pause.js';
import type { MayEnd } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import { type CommitServices, MOST_TRIES } from './commit-services.js';
import type { SessionLinks } from './session-links.js';

/** Ends sessions in the store, wherever they have gone on to. */
export class SessionEnder {
  constructor(
    private readonly services: CommitServices,
    private readonly links: SessionLinks,
  ) {}

  private get records() {
    return this.services.records;
  }

  /**
   * Ends what a key holds, or what it was renewed to, also if it is over by this process's clock.
   *
   * @param id the id where it is known.
   * @param mayEnd asked at each step, as a record may have become another's since it was listed. Default: it may be anybody's.
   * @param listed what a list gave, for a store that no longer shows it otherwise.
   */
  async end(
    key: string,
    id: string | undefined,
    known?: LoadedRecord,
    mayEnd: MayEnd = () => true,
    listed?: LoadedRecord,
  ): Promise<boolean> {
    let at = { key, id, known };
    let last = listed;
    let from: LoadedRecord | undefined;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      at.known ??= await this.records.loadToEnd(at.key);
      if (at.known === undefined && last?.key === at.key) {
        at.known = last;
        last = undefined;
      }
      if (at.known === undefined) {
        if (from === undefined) return false;
        if (await this.endHidden(at.key)) return true;
        // An id change that failed may be about to put back what led here.
        if ((await this.records.destroy(from.key, from.revision)) !== 'conflict') return false;
        at = { key: from.key, id: this.services.idOfKey(from.key), known: undefined };
        from = undefined;
        continue;
      }
      const { metadata } = at.known.record;
      if (metadata?.revokedUntil !== undefined) return false;
      if (metadata?.replaced !== undefined) {
        const next = this.links.next(at.id, metadata);
        if (next === undefined) return false;
        from = at.known;
        at = { ...next, known: undefined };
        continue;
      }
      if (!mayEnd(metadata)) return false;
      const result = await this.records.destroy(at.key, at.known.revision);
      if (result === 'ok') return true;
      if (result === 'gone') {
        const hidden = await this.records.destroyHidden(at.key);
        // It is shown: the clock has gone back meanwhile.
        if (hidden !== 'conflict') return hidden === 'ok';
      }
      this.services.counters.conflicts += 1;
      at.known = undefined;
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `The session was changed by others ${MOST_TRIES} times while it was to be ended.`,
    );
  }

  /** Ends the session that a listed record holds. */
  endListed({ key }: LoadedRecord, mayEnd: MayEnd): Promise<boolean> {
    return this.end(key, this.services.idOfKey(key), undefined, mayEnd);
  }

  /** Ends the record of an id that is over by this process's clock, which may be wrong. Of an id that was replaced it ends nothing. */
  async endOverdue(id: string): Promise<boolean> {
    const key = this.records.key(id);
    const known = await this.records.loadToEnd(key);
    if (known === undefined) return this.endHidden(key);
    return known.record.metadata?.replaced === undefined && this.end(key, id, known);
  }

  /** A store may go by this process's clock, which may be wrong, and take a record to be over that it still holds. */
  private async endHidden(key: string): Promise<boolean> {
    return (await this.records.destroyHidden(key)) === 'ok';
  }
}

import { SessionUnavailableError } from '../common/errors.js';
import { pause } from '../common/pause.js';
import type { MayEnd } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import { type CommitServices, MOST_TRIES } from './commit-services.js';
import type { SessionLinks } from './session-links.js';

/** Ends sessions in the store, under whatever id they continue. */
export class SessionEnder {
  constructor(
    private readonly services: CommitServices,
    private readonly links: SessionLinks,
  ) {}

  private get records() {
    return this.services.records;
  }

  /**
   * Ends the session of a key, or the session that its record leads to, even if it is expired by this process's clock.
   *
   * @param id the id, if known.
   * @param mayEnd is asked at each step, as the session may have become another principal's since it was listed.
   * Default: any session may be ended.
   */
  async end(key: string, id: string | undefined, known?: LoadedRecord, mayEnd: MayEnd = () => true): Promise<boolean> {
    let at = { key, id, known };
    let from: LoadedRecord | undefined;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      at.known ??= await this.records.loadToEnd(at.key);
      if (at.known === undefined) {
        // A store that can't return expired records may have it all the same.
        if ((await this.records.destroyHidden(at.key)) === 'ok') return true;
        if (from === undefined) return false;
        // Ends this record too: an id change that failed may be about to restore it.
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
      if (result !== 'conflict') return result === 'ok';
      this.services.counters.conflicts += 1;
      at.known = undefined;
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `Other requests changed the session ${MOST_TRIES} times while it was being ended. It may still be valid: try again.`,
    );
  }

  /** Ends the session of a listed record. */
  endListed({ key }: LoadedRecord, mayEnd: MayEnd): Promise<boolean> {
    return this.end(key, this.services.idOfKey(key), undefined, mayEnd);
  }

  /**
   * Ends the record of an id that is expired by this process's clock, which may be wrong. Leaves an id that was
   * replaced alone.
   */
  async endOverdue(id: string): Promise<boolean> {
    const key = this.records.key(id);
    const known = await this.records.loadToEnd(key);
    return known?.record.metadata?.replaced === undefined && this.end(key, id, known);
  }
}

import type { SessionMetadata } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import type { CommitServices } from './commit-services.js';
import type { Revocations } from './revocations.js';
import { nextForClient, type SessionLinks } from './session-links.js';

/** The most renewals that are followed from an old id to the current one. */
const MOST_STEPS = 8;

/** A live record, and its id. */
export interface Found {
  readonly id: string;
  readonly loaded: LoadedRecord;
}

/** The live record that a replaced record leads to. */
export interface Successor {
  /** `undefined` with records of version 0.1 and `hashIds`. */
  readonly id: string | undefined;
  readonly loaded: LoadedRecord;
  readonly metadata: SessionMetadata;
}

/** Finds the live record of an id. */
export class RecordFinder {
  constructor(
    private readonly services: CommitServices,
    private readonly links: SessionLinks,
    private readonly revocations: Revocations,
  ) {}

  /**
   * The live record of an id, or of the id that it was renewed to.
   *
   * @returns `replaced`: the id was replaced, and a browser that holds it can't follow. `ended`: the record is expired
   * or revoked. `undefined`: there is no record.
   */
  async locate(id: string, known?: LoadedRecord): Promise<Found | 'replaced' | 'ended' | undefined> {
    const { records, lifetimes, events } = this.services;
    let at = id;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const loaded = step === 0 && known !== undefined ? known : await records.load(records.key(at));
      if (loaded === undefined) return undefined;
      const { metadata } = loaded.record;
      if (metadata === undefined && !(await this.revocations.mayAdopt(loaded))) {
        await records.destroy(loaded.key, loaded.revision);
        events.emit('revoked', loaded.key);
        return 'ended';
      }
      if (!lifetimes.isLive(metadata)) {
        if (metadata!.replaced !== undefined || metadata!.revokedUntil !== undefined) return undefined;
        events.emit('expired', loaded.key, { handle: metadata!.handle, principal: metadata!.principal });
        return 'ended';
      }
      if (metadata?.replaced === undefined) return { id: at, loaded };
      const next = nextForClient(at, metadata);
      if (next === undefined) return 'replaced';
      at = next;
    }
    return undefined;
  }

  /** The live session of an id, unless a `revokeAll()` has ended it. */
  async current(id: string): Promise<Found | undefined> {
    const found = await this.locate(id);
    if (typeof found !== 'object') return undefined;
    return (await this.revocations.endIfRevoked(found.loaded)) ? undefined : found;
  }

  /**
   * Follows a replaced record to its live session. The result is for the server only: the browser must not learn the
   * id.
   */
  async successorOf(replaced: SessionMetadata): Promise<Successor | undefined> {
    const { records, lifetimes } = this.services;
    let metadata = replaced;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const next = this.links.next(undefined, metadata);
      const loaded = next && (await records.load(next.key));
      if (loaded?.record.metadata === undefined) return undefined;
      metadata = loaded.record.metadata;
      if (metadata.replaced === undefined)
        return lifetimes.isLive(metadata) ? { id: next!.id, loaded, metadata } : undefined;
    }
    return undefined;
  }
}

import type { ListedRecord } from '../record/session-records.js';
import type { CommitServices } from './commit-services.js';
import type { PrincipalRecords, PrincipalState } from './principal-records.js';
import { isRevoked, newestFirst } from './revocation-mark.js';

/** What is known of a principal. */
type KnownState = Pick<PrincipalState, 'places'> & Partial<PrincipalState>;

const NOTHING_KNOWN: KnownState = { places: [] };

/** The sessions of a principal, as the store lists them. */
export class PrincipalList {
  constructor(
    private readonly services: CommitServices,
    private readonly states: PrincipalRecords,
  ) {}

  /** Whether there is a limit that this store can hold. */
  get isLimited(): boolean {
    const { options, records, notices } = this.services;
    if (options.maxSessionsPerPrincipal === Number.POSITIVE_INFINITY) return false;
    if (records.canList) return true;
    notices.warnOnce(
      'cap',
      `"maxSessionsPerPrincipal" can't be held: this session store (${records.store.constructor.name}) can't list sessions.`,
    );
    return false;
  }

  /** The live sessions of a principal, newest login first, each once: also one whose id is being replaced. */
  async live(principal: string): Promise<ListedRecord[]> {
    return this.settled(principal, this.isLimited ? await this.states.read(principal) : NOTHING_KNOWN);
  }

  /** The same without those whose login is under way, or that a `revokeAll()` has ended. */
  async settled(principal: string, { places, mark }: KnownState): Promise<ListedRecord[]> {
    const underWay = new Set(places.filter(({ isInPlace }) => isInPlace !== true).map(({ number }) => number));
    const sessions = await this.withReplaced(principal);
    return distinct(
      sessions.filter(
        ({ record: { metadata } }) =>
          metadata!.replaced === undefined &&
          !underWay.has(metadata!.loginNumber ?? 0) &&
          (mark === undefined || !isRevoked(metadata!, mark)),
      ),
    );
  }

  /**
   * The same with ids that were replaced and still lead on to the new one. Who ends sessions asks for these: between the moment when a list
   * begins and the moment when a record is read, its session may have gone on under an id that is not in the list.
   */
  async withReplaced(principal: string): Promise<ListedRecord[]> {
    return (await this.toEnd(principal)).filter(({ record }) => this.services.lifetimes.isInTime(record.metadata!));
  }

  /** The same with those that are over by this process's clock, which may be wrong: others may still let them in. */
  async toEnd(principal: string): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const listed of this.services.records.list({ principal }, 'expired too')) {
      const { metadata } = listed.record;
      if (metadata?.principal === principal && metadata.revokedUntil === undefined) found.push(listed);
    }
    return found.sort((a, b) => newestFirst(a.record.metadata!, b.record.metadata!));
  }
}

/** One of each handle: while its id is replaced, a session may be there twice. */
function distinct(records: readonly ListedRecord[]): ListedRecord[] {
  const seen = new Set<string>();
  return records.filter(({ record }) => {
    const { handle } = record.metadata!;
    return seen.has(handle) ? false : Boolean(seen.add(handle));
  });
}

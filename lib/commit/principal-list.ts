import type { ListedRecord } from '../record/session-records.js';
import type { CommitServices } from './commit-services.js';
import { NOTHING_KNOWN, type PrincipalRecords, type PrincipalState } from './principal-records.js';
import type { SessionLinks } from './session-links.js';
import { isRevoked, newestFirst } from './revocation-mark.js';

/** The sessions of a principal, as the store lists them. */
export class PrincipalList {
  constructor(
    private readonly services: CommitServices,
    private readonly states: PrincipalRecords,
    private readonly links: SessionLinks,
  ) {}

  /** Whether a limit is set, and the store can list sessions to enforce it. */
  get isLimited(): boolean {
    const { options, records, notices } = this.services;
    if (options.maxSessionsPerPrincipal === Number.POSITIVE_INFINITY) return false;
    if (records.canList) return true;
    notices.warnOnce(
      'cap',
      `"maxSessionsPerPrincipal" has no effect: this session store (${records.store.constructor.name}) can't list sessions. Use a store with list().`,
    );
    return false;
  }

  /** The live sessions of a principal, newest login first. Each appears once, also while its id is being replaced. */
  async live(principal: string): Promise<ListedRecord[]> {
    return this.settled(principal, this.isLimited ? await this.states.read(principal) : NOTHING_KNOWN);
  }

  /** Like `live`, without logins under way and sessions that a `revokeAll()` has ended. */
  async settled(principal: string, { places, mark }: PrincipalState): Promise<ListedRecord[]> {
    const underWay = new Set(places.filter(({ isInPlace }) => isInPlace !== true).map(({ number }) => number));
    const sessions = await this.withReplaced(principal);
    return distinct(
      sessions.filter(
        ({ key, record: { metadata } }) =>
          metadata!.replaced === undefined &&
          !underWay.has(metadata!.loginNumber ?? 0) &&
          !isRevoked(metadata!, mark) &&
          (metadata!.isPending !== true || sessions.some((each) => this.isReplacedBy(each, key))),
      ),
    );
  }

  /** Whether a session has gone on under the id of another record. */
  private isReplacedBy({ record: { metadata } }: ListedRecord, key: string): boolean {
    return metadata!.replaced !== undefined && this.links.next(undefined, metadata!)?.key === key;
  }

  /**
   * Like `live`, with replaced records that still name their successor. Code that ends sessions needs them: after the
   * list began, a session may have changed its id to one that is not in the list.
   */
  async withReplaced(principal: string): Promise<ListedRecord[]> {
    const { lifetimes } = this.services;
    return (await this.toEnd(principal)).filter(({ record: { metadata } }) =>
      metadata!.replaced === undefined ? lifetimes.isInTime(metadata!) : metadata!.expiresAt > this.services.now(),
    );
  }

  /**
   * Like `withReplaced`, with sessions that are expired by this process's clock. The clock may be wrong, so another
   * process may still accept them.
   */
  async toEnd(principal: string): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const listed of this.services.records.list({ principal }, 'expired too')) {
      const { metadata } = listed.record;
      if (metadata?.principal === principal && metadata.revokedUntil === undefined) found.push(listed);
    }
    return found.sort((a, b) => newestFirst(a.record.metadata!, b.record.metadata!));
  }
}

/** One record for each handle: while its id is replaced, a session may be listed twice. */
function distinct(records: readonly ListedRecord[]): ListedRecord[] {
  const seen = new Set<string>();
  return records.filter(({ record }) => {
    const { handle } = record.metadata!;
    return seen.has(handle) ? false : Boolean(seen.add(handle));
  });
}

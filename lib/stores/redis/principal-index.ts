import { RecentMap } from '../../common/recent-map.js';
import type { Clock } from '../clock.js';
import type { RedisDriver } from './redis-client.js';
import { INDEX_ADD } from './scripts.js';

/** How long an entry outlives its session, so that machines whose clocks differ don't drop each other's: 1 min. */
const SLACK_MS = 60_000;

/** Entries end at full steps of 10 min, so that a busy session's, whose end moves all the time, is written this often only. */
const STEP_MS = 600_000;

/** Of so many entries, twice, a process knows that they are there. */
const MOST_KNOWN = 10_000;

const entryOf = (principal: string, id: string): string => `${id} ${principal}`;

const stepAfter = (ms: number): number => (Math.floor(ms / STEP_MS) + 1) * STEP_MS;

/**
 * Which sessions a principal has: a sorted set of ids by expiry for each principal, outside the sessions' own prefix, since
 * connect-redis takes all it finds there for a session.
 *
 * An entry is only a hint and may be stale; whoever reads it looks at the record. What must not be is a live session without
 * an entry. A session lives in another slot than its index, so order has to do what a transaction can't: the record is
 * written first and its entry second, and whoever removes an entry looks at the record afterwards.
 */
export class PrincipalIndex {
  /** What the keys of the indexes begin with. */
  readonly prefix: string;
  /** The entries that this process has made or renewed. */
  private readonly made = new RecentMap<true>(MOST_KNOWN);

  constructor(
    private readonly driver: RedisDriver,
    prefix: string,
    private readonly clock: Clock,
  ) {
    this.prefix = `keycard:${prefix}by-principal:`;
  }

  /**
   * Whether the entry that was made for one expiry will do for another. Only of an entry that this process has made or renewed: another may
   * have ended between the record and its entry.
   */
  covers(principal: string, id: string, former: number | undefined, expiresAt: number): boolean {
    if (former === undefined || stepAfter(former) !== stepAfter(expiresAt)) return false;
    return this.made.get(entryOf(principal, id)) === true;
  }

  async add(principal: string, id: string, expiresAt: number): Promise<void> {
    const times = [stepAfter(expiresAt), this.clock.now(), SLACK_MS].map((ms) => String(Math.ceil(ms)));
    await this.driver.run(INDEX_ADD, this.keyOf(principal), [id, ...times]);
    this.made.set(entryOf(principal, id), true);
  }

  async remove(principal: string, ids: string[]): Promise<void> {
    await this.driver.removeMembers(this.keyOf(principal), ids);
  }

  ids(principal: string): Promise<string[]> {
    return this.driver.members(this.keyOf(principal));
  }

  /** As UTF-8, every half of a surrogate pair would be the same letter, and principals would share a key. */
  private keyOf(principal: string): string {
    return this.prefix + (/\p{Surrogate}/u.test(principal) ? JSON.stringify(principal) : principal);
  }
}

import { RecentMap } from '../../common/recent-map.js';
import type { Clock } from '../clock.js';
import type { RedisDriver } from './redis-client.js';
import { INDEX_ADD } from './scripts.js';

/**
 * How long an entry outlives its session, so that processes whose clocks differ don't drop each other's entries: 1 min.
 */
const SLACK_MS = 60_000;

/**
 * Entries expire at multiples of 10 min. So the entry of a busy session, whose expiry changes all the time, is rarely
 * written.
 */
const STEP_MS = 600_000;

/** The most entries that a process remembers having written, twice. */
const MOST_KNOWN = 10_000;

const entryOf = (principal: string, id: string): string => `${id} ${principal}`;

const stepAfter = (ms: number): number => (Math.floor(ms / STEP_MS) + 1) * STEP_MS;

/**
 * The sessions of each principal: a sorted set of ids by expiry. Its key doesn't begin with the prefix of sessions, as
 * connect-redis treats every key there as a session.
 *
 * An entry is a hint and may be outdated, so readers check the record. But each live session must have an entry. A
 * cluster may keep a session and its index on two servers, so there is no transaction. Instead the order counts: the
 * record is written first and its entry second, and whoever removes an entry checks the record afterwards.
 */
export class PrincipalIndex {
  /** The prefix of the keys of the indexes. */
  readonly prefix: string;
  /** The entries that this process has written. */
  private readonly made = new RecentMap<true>(MOST_KNOWN);

  constructor(
    private readonly driver: RedisDriver,
    prefix: string,
    private readonly clock: Clock,
  ) {
    this.prefix = `keycard:${prefix}by-principal:`;
  }

  /**
   * Whether the entry for the former expiry also serves the new one. Only for an entry that this process has written:
   * another may have been removed between writing the record and its entry.
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

  /** In UTF-8 every unpaired surrogate would become the same character, and principals would share a key. */
  private keyOf(principal: string): string {
    return this.prefix + (/\p{Surrogate}/u.test(principal) ? JSON.stringify(principal) : principal);
  }
}

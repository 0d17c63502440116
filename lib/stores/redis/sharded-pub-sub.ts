/** How long servers that don't know the commands are taken to be so: they may be upgraded, one after the other. */
const RECHECK_MS = 60_000;

/**
 * Pub/sub on one shard of a cluster (Redis 7), in place of all its servers. What the servers know decides, so that all processes agree,
 * whatever their drivers are.
 */
export class ShardedPubSub {
  private plainUntil = 0;

  /** On the shard; if the servers can't, plainly. */
  async or<T>(plain: () => Promise<T>, sharded: () => Promise<T>): Promise<T> {
    if (performance.now() < this.plainUntil) return plain();
    try {
      return await sharded();
    } catch (error) {
      if (!(error instanceof Error) || !/unknown command/i.test(error.message)) throw error;
      this.plainUntil = performance.now() + RECHECK_MS;
      return plain();
    }
  }
}

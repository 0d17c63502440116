/** How long servers without the commands are not asked again. They may be upgraded one after the other. */
const RECHECK_MS = 60_000;

/**
 * Pub/sub on one shard of a cluster (Redis 7), instead of all its servers. It depends on the servers only, so all
 * processes agree, whatever their drivers are.
 */
export class ShardedPubSub {
  private plainUntil = 0;

  /** Uses the shard; or all servers, if they don't know the commands. */
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

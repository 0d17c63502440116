const SHARDS = 256;

/**
 * A map in many small parts. A `Map` of a million entries blocks the process for about 30 ms when it grows or shrinks;
 * each part blocks for a fraction of a millisecond.
 */
export class ShardedMap<V> {
  private readonly shards: readonly Map<string, V>[] = Array.from({ length: SHARDS }, () => new Map<string, V>());
  private entries = 0;

  /** How many shards there are. */
  static readonly length = SHARDS;

  get size(): number {
    return this.entries;
  }

  get(key: string): V | undefined {
    return this.shard(shardOf(key)).get(key);
  }

  set(key: string, value: V): void {
    const shard = this.shard(shardOf(key));
    const before = shard.size;
    shard.set(key, value);
    this.entries += shard.size - before;
  }

  delete(key: string): void {
    if (this.shard(shardOf(key)).delete(key)) this.entries -= 1;
  }

  clear(): void {
    for (const shard of this.shards) shard.clear();
    this.entries = 0;
  }

  /** One of the parts, for code that iterates in steps. */
  shard(index: number): ReadonlyMap<string, V> & Map<string, V> {
    return this.shards[index]!;
  }
}

/**
 * The shard of a key, by its first eight and last four characters. So neither a common prefix nor a common suffix puts
 * all keys into one shard.
 */
export function shardOf(key: string): number {
  const { length } = key;
  let hash = length;
  for (let n = Math.min(8, length) - 1; n >= 0; n--) hash = (hash * 31 + key.charCodeAt(n)) | 0;
  for (let n = Math.max(8, length - 4); n < length; n++) hash = (hash * 31 + key.charCodeAt(n)) | 0;
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (SHARDS - 1);
}

import type { PrivateServer } from './process.mjs';

export interface RedisClusterServer {
  readonly name: string;
  /** `host:port` of each node, comma separated, as `REDIS_CLUSTER_URLS` has them. */
  readonly url: string;
  readonly addresses: { host: string; port: number }[];
  readonly nodes: PrivateServer[];
  /** The three that were masters at the start. */
  readonly masters: PrivateServer[];
  /** `replicas[i]` began as the replica of `masters[i]`. */
  readonly replicas: PrivateServer[];
  readonly pids: number[];
  stop(): Promise<void>;
}

export declare function findRedisServer(): string | undefined;
export declare function startRedis(options?: { args?: string[] }): Promise<PrivateServer>;
export declare function startRedisCluster(options?: {
  args?: string[];
  nodeTimeoutMs?: number;
}): Promise<RedisClusterServer>;

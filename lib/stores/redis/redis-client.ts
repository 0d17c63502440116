import type { ConnectingClient } from './connecting.js';
import type { RedisScript } from './scripts.js';

/** The part of an `ioredis` client that the store uses: `Redis` (Sentinel too) or `Cluster`, version 5 or later. */
export interface IoredisClient extends Partial<ConnectingClient> {
  readonly isCluster?: boolean;
  readonly status?: string;
  readonly options: { readonly keyPrefix?: string | undefined; readonly enableAutoPipelining?: boolean | undefined };
  get(key: string): Promise<string | null>;
  mget(keys: string[]): Promise<(string | null)[]>;
  set(key: string, value: string, px: 'PX', ms: number, nx: 'NX'): Promise<string | null>;
  evalsha(sha: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(source: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  zrem(key: string, ...members: string[]): Promise<number>;
  unlink(...keys: string[]): Promise<number>;
  connect?(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  /** Makes a similar client, for subscribing. Without it the store can't subscribe. */
  duplicate?(): IoredisSubscriber;
  sendCommand?(command: unknown): unknown;
}

/** A client of ioredis in subscriber mode. */
export interface IoredisSubscriber {
  on(event: 'message' | 'smessage', listener: (channel: string, text: string) => void): unknown;
  on(event: 'ready' | 'close' | 'moved', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  subscribe(channel: string): Promise<unknown>;
  ssubscribe?(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** The part of a `redis` (node-redis) client that the store uses: `createClient` or `createCluster`, version 5 or later, connected. */
export interface NodeRedisClient {
  get(key: string): Promise<unknown>;
  mGet(keys: string[]): Promise<unknown>;
  set(key: string, value: string, options: { PX: number; NX: true }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(source: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  zRange(key: string, first: number, last: number): Promise<unknown>;
  zRem(key: string, members: string[]): Promise<unknown>;
  unlink(key: string): Promise<unknown>;
  publish(channel: string, text: string): Promise<unknown>;
  sPublish?(channel: string, text: string): Promise<unknown>;
  /** Makes a similar client, for subscribing. Without it the store can't subscribe. */
  duplicate?(): unknown;
}

/** A client of node-redis in subscriber mode. */
export interface NodeRedisSubscriber {
  on(event: 'ready' | 'reconnecting' | 'error', listener: (error?: Error) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  sSubscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  destroy(): unknown;
}

export type Hear = (text: string) => void;
export type State = (isUp: boolean) => void;

/** A client that `RedisStore` takes. A structural type, so that neither driver has to be installed. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** The result of one step of `SCAN`. */
export interface ScannedKeys {
  readonly cursor: string;
  readonly keys: string[];
}

/** One server whose keys can be scanned. */
export interface RedisNode {
  /** Identifies the server among the others, as long as it keeps its address. */
  readonly name: string;
  /** One step of `SCAN`: the keys as the server has them, and the next cursor (`0`: at the end). */
  scan(cursor: string, match: string, count: number, type: 'string' | 'zset'): Promise<ScannedKeys>;
}

/**
 * What the store needs of both kinds of clients. Keys are without the client's own key prefix, except in `RedisNode`.
 */
export interface RedisDriver {
  /** One server behind one connection: commands run in their order, and may use several keys. */
  readonly single: boolean;
  /** The client's own key prefix. */
  readonly keyPrefix: string;
  get(key: string): Promise<string | null>;
  mget(keys: string[]): Promise<(string | null)[]>;
  /** `SET … PX … NX`; `false` if the key exists. */
  create(key: string, text: string, ms: number): Promise<boolean>;
  run(script: RedisScript, key: string, args: string[]): Promise<unknown>;
  /** Runs a script with several keys immediately: the caller has grouped what it does in a turn. */
  runTogether(script: RedisScript, keys: string[], args: string[]): Promise<unknown>;
  members(key: string): Promise<string[]>;
  removeMembers(key: string, members: string[]): Promise<unknown>;
  unlink(key: string): Promise<unknown>;
  /**
   * Waits for a client that is connecting.
   *
   * @param isOwn whether a client that is not connected, or was ended, may be connected here.
   * @throws SessionStoreError with address and reason if it isn't ready in time.
   */
  ready(isOwn: boolean): Promise<void>;
  /**
   * In a cluster whose servers support it (Redis 7), publishes on the shard of the channel; otherwise on all servers.
   */
  publish(channel: string, text: string): Promise<unknown>;
  /** Like `SessionBus.subscribe()`, for a channel. */
  subscribe(channel: string, hear: Hear, state: State): Promise<() => Promise<void>>;
  /** Ends the client. If the server still answers, waits for commands under way. */
  end(): Promise<void>;
  /** Each server that has keys: one, or every master of a cluster. */
  nodes(): RedisNode[];
}

/**
 * Sends EVALSHA, and EVAL if the server doesn't know the script. `NOSCRIPT` means that nothing ran, so the script never
 * runs twice.
 */
export function bySha<T>(hash: () => Promise<T>, source: () => Promise<T>): Promise<T> {
  return hash().catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return source();
    throw error;
  });
}

/** For a client that an app wrapped, without a way to make another connection. */
export const noDuplicate = (): Error =>
  new Error('the Redis client has no duplicate(), so there is no connection to subscribe on');

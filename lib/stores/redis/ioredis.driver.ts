import type { Writable } from 'node:stream';
// Imported, as an app's tests may replace the global by a fake.
import { setImmediate } from 'node:timers';
import { SessionStoreError } from '../session-store.error.js';
import { KeptConnection } from '../kept-connection.js';
import { inTime } from '../subscription-limit.js';
import { endedOr, isConnecting, untilReady } from './connecting.js';
import { hearShard, publishOnShard } from './ioredis-shard.js';
import {
  bySha,
  type Hear,
  type IoredisClient,
  type IoredisSubscriber,
  noDuplicate,
  type RedisDriver,
  type RedisNode,
  type State,
} from './redis-client.js';
import type { RedisScript } from './scripts.js';
import { ShardedPubSub } from './sharded-pub-sub.js';

/** A connection of ioredis: a whole client, or one node of a `Cluster`. */
interface Connection {
  readonly options: { readonly host?: string; readonly port?: number };
  readonly stream?: Pick<Writable, 'cork' | 'uncork'> | null;
  scan(cursor: string, ...args: (string | number)[]): Promise<[string, string[]]>;
  duplicate(options: object): IoredisSubscriber;
}

/**
 * Reads that bypass a client's auto-pipelining. The store already groups them, and they would wait for another turn.
 */
interface PlainReads {
  createBuiltinCommand?(name: string): { readonly string: (...args: unknown[]) => Promise<unknown> };
}

/** The address of a client. */
interface Address {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly sentinels?: unknown;
  readonly name?: string;
}

interface ClusterClient {
  nodes(role: 'all' | 'master'): Connection[];
}

export const isIoredis = (client: object): client is IoredisClient => 'evalsha' in client && 'mget' in client;

/** Sends commands by an ioredis client. */
export class IoredisDriver implements RedisDriver {
  readonly single: boolean;
  readonly keyPrefix: string;
  private readonly plainGet: IoredisClient['get'] | undefined;
  private readonly plainMget: IoredisClient['mget'] | undefined;
  private readonly sharded = new ShardedPubSub();
  private corked: NonNullable<Connection['stream']>[] | undefined;

  constructor(private readonly client: IoredisClient) {
    this.single = client.isCluster !== true;
    this.keyPrefix = client.options.keyPrefix ?? '';
    const { createBuiltinCommand } = client as PlainReads;
    const plain = client.options.enableAutoPipelining === true ? createBuiltinCommand : undefined;
    this.plainGet = plain?.('get').string as IoredisClient['get'] | undefined;
    this.plainMget = plain?.('mget').string as IoredisClient['mget'] | undefined;
  }

  get(key: string): Promise<string | null> {
    // On a single server, reads arrive once per turn, already grouped.
    if (!this.single) this.gather();
    return this.plainGet === undefined ? this.client.get(key) : this.plainGet.call(this.client, key);
  }

  mget(keys: string[]): Promise<(string | null)[]> {
    return this.plainMget === undefined ? this.client.mget(keys) : this.plainMget.call(this.client, keys);
  }

  async create(key: string, text: string, ms: number): Promise<boolean> {
    this.gather();
    return (await this.client.set(key, text, 'PX', ms, 'NX')) !== null;
  }

  run(script: RedisScript, key: string, args: string[]): Promise<unknown> {
    this.gather();
    return this.runTogether(script, [key], args);
  }

  runTogether(script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    return bySha(
      () => this.client.evalsha(script.sha, keys.length, ...keys, ...args),
      () => this.client.eval(script.source, keys.length, ...keys, ...args),
    );
  }

  async members(key: string): Promise<string[]> {
    return (await this.client.call('ZRANGE', key, '0', '-1')) as string[];
  }

  removeMembers(key: string, members: string[]): Promise<unknown> {
    this.gather();
    return this.client.zrem(key, ...members);
  }

  unlink(key: string): Promise<unknown> {
    this.gather();
    return this.client.unlink(key);
  }

  publish(channel: string, text: string): Promise<unknown> {
    const { client } = this;
    const plain = () => client.call('PUBLISH', channel, text);
    return this.single || client.sendCommand === undefined
      ? plain()
      : this.sharded.or(plain, () => publishOnShard(client, channel, text));
  }

  subscribe(channel: string, hear: Hear, state: State): Promise<() => Promise<void>> {
    const plain = () => this.subscribePlain(channel, hear, state);
    return this.single ? plain() : this.sharded.or(plain, () => this.subscribeOnShard(channel, hear, state));
  }

  private async subscribePlain(channel: string, hear: Hear, state: State): Promise<() => Promise<void>> {
    const own = this.client.duplicate?.();
    if (own === undefined) throw noDuplicate();
    own.on('error', () => undefined);
    own.on('message', (_, text) => hear(text));
    try {
      await inTime(own.subscribe(channel));
    } catch (error) {
      own.disconnect();
      throw error;
    }
    // The client subscribes again by itself.
    own.on('close', () => state(false));
    own.on('ready', () => state(true));
    return async () => own.disconnect();
  }

  private async subscribeOnShard(channel: string, hear: Hear, state: State): Promise<() => Promise<void>> {
    const kept = new KeptConnection((lost) => hearShard(this.connections('master'), channel, hear, lost), state);
    await kept.connect();
    return () => kept.end();
  }

  async ready(isOwn: boolean): Promise<void> {
    const { client } = this;
    const { status } = client;
    // A client without a status (an object that an app wrapped around one) is used as it is.
    if (!isConnecting(client) || status === undefined || status === 'ready') return;
    if (status === 'end' && !isOwn) {
      throw new SessionStoreError(
        'CLOSED',
        `The app has ended the client for Redis at ${this.address}. Make a new one.`,
      );
    }
    const isIdle = status === 'wait' || status === 'end';
    await untilReady(client, this.address, isIdle ? async () => client.connect?.() : undefined);
  }

  async end(): Promise<void> {
    const { client } = this;
    if (client.status === 'end') return;
    // The reply to QUIT arrives before the socket has closed.
    const ended = new Promise<void>((resolve) =>
      isConnecting(client) ? client.on('end', () => resolve()) : resolve(),
    );
    await endedOr(
      () => client.quit().then(() => ended),
      () => client.disconnect(),
    );
  }

  private get address(): string {
    if (!this.single) return 'the nodes of the cluster';
    const { host, port, path, sentinels, name } = this.client.options as Address;
    if (sentinels) return `the master "${name}" of the sentinels`;
    return path ?? `${host}:${port}`;
  }

  nodes(): RedisNode[] {
    return this.connections('master').map((connection) => ({
      name: this.single ? '' : `${connection.options.host}:${connection.options.port}`,
      scan: async (cursor, match, count, type) => {
        const [next, keys] = await connection.scan(cursor, 'MATCH', match, 'COUNT', count, 'TYPE', type);
        return { cursor: next, keys };
      },
    }));
  }

  private connections(role: 'all' | 'master'): Connection[] {
    const client: unknown = this.client;
    return this.single ? [client as Connection] : (client as ClusterClient).nodes(role);
  }

  /**
   * Sends all commands of this turn in one write per connection. A pipeline would do so too. But in a cluster it fails
   * as a whole if one key has moved, and each of its replies costs more.
   */
  private gather(): void {
    if (this.corked !== undefined) return;
    this.corked = [];
    for (const { stream } of this.connections('all')) {
      if (stream == null) continue;
      stream.cork();
      this.corked.push(stream);
    }
    setImmediate(this.release);
  }

  private readonly release = (): void => {
    const streams = this.corked ?? [];
    this.corked = undefined;
    for (const stream of streams) stream.uncork();
  };
}

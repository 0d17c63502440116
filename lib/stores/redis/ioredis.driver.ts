import type { Writable } from 'node:stream';
// From the module, and not the global: an app's tests may put a fake there.
import { setImmediate } from 'node:timers';
import { SessionStoreError } from '../session-store.error.js';
import { type ConnectingClient, endedOr, untilReady } from './connecting.js';
import { bySha, type IoredisClient, type RedisDriver, type RedisNode } from './redis-client.js';
import type { RedisScript } from './scripts.js';

/** A connection of ioredis: a whole client, or one node of a `Cluster`. */
interface Connection {
  readonly options: { readonly host?: string; readonly port?: number };
  readonly stream?: Pick<Writable, 'cork' | 'uncork'> | null;
  scan(cursor: string, ...args: (string | number)[]): Promise<[string, string[]]>;
}

/** A client's reads past its own auto-pipelining: reads are gathered here already, and would wait for another turn there. */
interface PlainReads {
  createBuiltinCommand?(name: string): { readonly string: (...args: unknown[]) => Promise<unknown> };
}

/** Where a client goes. */
interface Address {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly sentinels?: unknown;
  readonly name?: string;
}

/** A client that connects, or waits for its next try to. */
interface Reconnecting extends ConnectingClient {
  readonly status?: string;
  reconnectTimeout?: NodeJS.Timeout | null;
  connect(): Promise<unknown>;
}

interface ClusterClient {
  nodes(role: 'all' | 'master'): Connection[];
}

export const isIoredis = (client: object): client is IoredisClient => 'evalsha' in client && 'mget' in client;

/** The least time between two tries to connect that calls bring forward: 0.5 s. */
const RECONNECT_MS = 500;
/** A timer may be so much early. */
const TIMER_SLACK_MS = 20;
/** For how long after a call somebody may still wait for it: 10 s. */
const NEEDED_MS = 10_000;

/** Commands by an ioredis client. */
export class IoredisDriver implements RedisDriver {
  readonly single: boolean;
  readonly keyPrefix: string;
  /** The client as one that may be connecting: a class of ioredis has this timer as a private member, so its type can't say it. */
  private readonly connecting: Reconnecting;
  private readonly plainGet: IoredisClient['get'] | undefined;
  private readonly plainMget: IoredisClient['mget'] | undefined;
  private triedAt = -RECONNECT_MS;
  private neededAt = 0;
  private retry: NodeJS.Timeout | undefined;
  private corked: NonNullable<Connection['stream']>[] | undefined;

  constructor(private readonly client: IoredisClient) {
    this.single = client.isCluster !== true;
    this.connecting = client as unknown as Reconnecting;
    this.keyPrefix = client.options.keyPrefix ?? '';
    const { createBuiltinCommand } = client as PlainReads;
    const plain = client.options.enableAutoPipelining === true ? createBuiltinCommand : undefined;
    this.plainGet = plain?.('get').string as IoredisClient['get'] | undefined;
    this.plainMget = plain?.('mget').string as IoredisClient['mget'] | undefined;
  }

  get(key: string): Promise<string | null> {
    // On one server reads come here once a turn, after it has ended: there is nothing left to gather.
    if (this.single) this.reconnectSoon();
    else this.gather();
    return this.plainGet === undefined ? this.client.get(key) : this.plainGet.call(this.client, key);
  }

  mget(keys: string[]): Promise<(string | null)[]> {
    this.reconnectSoon();
    return this.plainMget === undefined ? this.client.mget(keys) : this.plainMget.call(this.client, keys);
  }

  async create(key: string, text: string, ms: number): Promise<boolean> {
    this.gather();
    return (await this.client.set(key, text, 'PX', ms, 'NX')) !== null;
  }

  run(script: RedisScript, key: string, args: string[]): Promise<unknown> {
    this.gather();
    return bySha(
      () => this.client.evalsha(script.sha, 1, key, ...args),
      () => this.client.eval(script.source, 1, key, ...args),
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

  async ready(isOwn: boolean): Promise<void> {
    const client = this.connecting;
    const { status } = client;
    // A client by what it can do, without the states of one, is taken as it is.
    if (status === undefined || status === 'ready') return;
    if (status === 'end' && !isOwn) {
      throw new SessionStoreError(
        'CLOSED',
        `The client for Redis at ${this.address} was ended by the app. Make a new one.`,
      );
    }
    const isIdle = status === 'wait' || status === 'end';
    const ready = untilReady(client, this.address, isIdle ? () => client.connect() : undefined);
    this.reconnectSoon();
    await ready;
  }

  async end(): Promise<void> {
    const { client, connecting } = this;
    if (connecting.status === 'end') return;
    // It is connected until its socket has closed, which is after the answer.
    const ended = new Promise<void>((resolve) => connecting.on('end', () => resolve()));
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
   * Lets all commands of this turn of the event loop leave in one write per connection. A pipeline would do so too, but in
   * a cluster it gives up on the lot where one key has moved, and each of its replies costs more than the bare command's.
   */
  private gather(): void {
    if (this.corked !== undefined) return;
    this.corked = [];
    this.reconnectSoon();
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

  /**
   * ioredis waits longer after every try, 5 s in the end, so that a server would be back long before it is found. A call
   * that needs it is reason enough to try now, in place of the try that the client has planned, and again while it may wait.
   */
  private reconnectSoon(): void {
    const { status } = this.connecting;
    if (!this.single || status === 'ready' || status === undefined) return;
    this.neededAt = performance.now();
    this.tryNow();
    this.retry ??= setInterval(() => this.tryAgain(), RECONNECT_MS).unref();
  }

  private tryAgain(): void {
    const { status } = this.connecting;
    if (status === 'ready' || status === 'end' || performance.now() - this.neededAt > NEEDED_MS) {
      clearInterval(this.retry);
      this.retry = undefined;
    } else this.tryNow();
  }

  private tryNow(): void {
    const waiting = this.connecting;
    if (waiting.status !== 'reconnecting' || !waiting.reconnectTimeout) return;
    const now = performance.now();
    if (now - this.triedAt < RECONNECT_MS - TIMER_SLACK_MS) return;
    this.triedAt = now;
    clearTimeout(waiting.reconnectTimeout);
    waiting.reconnectTimeout = null;
    waiting.connect().catch(() => undefined); // The client plans its next try by itself, and tells its own listeners.
  }
}

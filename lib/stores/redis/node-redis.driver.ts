import { SessionStoreError } from '../session-store.error.js';
import { inTime } from '../subscription-limit.js';
import { type ConnectingClient, endedOr, isConnecting, untilReady } from './connecting.js';
import {
  bySha,
  type Hear,
  noDuplicate,
  type NodeRedisClient,
  type NodeRedisSubscriber,
  type RedisDriver,
  type RedisNode,
  type State,
} from './redis-client.js';
import type { RedisScript } from './scripts.js';
import { ShardedPubSub } from './sharded-pub-sub.js';

/** A connection of node-redis: a whole client, or one node of a cluster. */
interface Connection {
  scan(cursor: string, options: { MATCH: string; COUNT: number; TYPE: string }): Promise<unknown>;
}

interface ClusterClient<Node = { readonly address: string }> {
  readonly masters: Node[];
  nodeClient(node: Node): Promise<Connection> | Connection;
}

/** The states that a client has, by its kind: a cluster has no `isReady`, a pool no `isOpen`. */
interface States extends Partial<ConnectingClient> {
  connect?(): Promise<unknown>;
  close?(): unknown;
  destroy?(): unknown;
  readonly isOpen?: boolean;
  readonly isReady?: boolean;
  readonly options?: { readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string } };
}

/** Where version 6 has the key prefix; version 5 has none. */
interface WithKeyPrefix {
  readonly _keyPrefix?: unknown;
}

export const isNodeRedis = (client: object): client is NodeRedisClient => 'evalSha' in client && 'mGet' in client;

/** Sends commands by a node-redis client, which pipelines the commands of one turn. */
export class NodeRedisDriver implements RedisDriver {
  readonly single: boolean;
  readonly keyPrefix: string;
  private readonly isCluster: boolean;
  private readonly sharded = new ShardedPubSub();

  constructor(private readonly client: NodeRedisClient) {
    // A pool uses many connections, so commands may run in another order.
    this.isCluster = 'masters' in client;
    this.single = !this.isCluster && !('idleClients' in client);
    this.keyPrefix = String((client as WithKeyPrefix)._keyPrefix ?? '');
  }

  async get(key: string): Promise<string | null> {
    return (await this.client.get(key)) as string | null;
  }

  async mget(keys: string[]): Promise<(string | null)[]> {
    return (await this.client.mGet(keys)) as (string | null)[];
  }

  async create(key: string, text: string, ms: number): Promise<boolean> {
    return (await this.client.set(key, text, { PX: ms, NX: true })) !== null;
  }

  run(script: RedisScript, key: string, args: string[]): Promise<unknown> {
    return this.runTogether(script, [key], args);
  }

  runTogether(script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    const options = { keys, arguments: args };
    return bySha(
      () => this.client.evalSha(script.sha, options),
      () => this.client.eval(script.source, options),
    );
  }

  async members(key: string): Promise<string[]> {
    return (await this.client.zRange(key, 0, -1)) as string[];
  }

  removeMembers(key: string, members: string[]): Promise<unknown> {
    return this.client.zRem(key, members);
  }

  unlink(key: string): Promise<unknown> {
    return this.client.unlink(key);
  }

  publish(channel: string, text: string): Promise<unknown> {
    const { client } = this;
    const plain = () => client.publish(channel, text);
    const { sPublish } = client;
    return this.isCluster && sPublish !== undefined
      ? this.sharded.or(plain, () => sPublish.call(client, channel, text))
      : plain();
  }

  subscribe(channel: string, hear: Hear, state: State): Promise<() => Promise<void>> {
    const plain = () => this.subscribeAs('subscribe', channel, hear, state);
    return this.isCluster
      ? this.sharded.or(plain, () => this.subscribeAs('sSubscribe', channel, hear, state))
      : plain();
  }

  private async subscribeAs(
    command: 'subscribe' | 'sSubscribe',
    channel: string,
    hear: Hear,
    state: State,
  ): Promise<() => Promise<void>> {
    const own = this.client.duplicate?.() as NodeRedisSubscriber | undefined;
    if (own === undefined) throw noDuplicate();
    own.on('error', () => undefined);
    try {
      await inTime(own.connect().then(() => own[command](channel, hear)));
    } catch (error) {
      own.destroy();
      throw error;
    }
    // The client subscribes again by itself.
    own.on('reconnecting', () => state(false));
    own.on('ready', () => state(true));
    return async () => void own.destroy();
  }

  async ready(isOwn: boolean): Promise<void> {
    const client: NodeRedisClient & States = this.client;
    // Clusters and pools are ready when they are connected, and have no state for it.
    if (client.isReady ?? client.isOpen !== false) return;
    const { host = 'localhost', port = 6379, path } = client.options?.socket ?? {};
    const address = path ?? `${host}:${port}`;
    if (client.isOpen === false && !isOwn) {
      throw new SessionStoreError(
        'CLOSED',
        `The client for Redis at ${address} isn't connected. Give RedisStore "await createClient({ url }).connect()".`,
      );
    }
    const connect = async (): Promise<unknown> => client.connect?.();
    if (client.isReady === undefined || !isConnecting(client)) await connect();
    else await untilReady(client, address, client.isOpen === false ? connect : undefined);
  }

  async end(): Promise<void> {
    const client: NodeRedisClient & States = this.client;
    if (client.isOpen === false) return;
    await endedOr(
      async () => client.close?.(),
      () => client.destroy?.(),
    );
  }

  nodes(): RedisNode[] {
    const client: unknown = this.client;
    if (!('masters' in this.client)) return [nodeOf('', () => client as Connection)];
    const cluster = client as ClusterClient;
    return cluster.masters.map((master) => nodeOf(master.address, () => cluster.nodeClient(master)));
  }
}

function nodeOf(name: string, connection: () => Promise<Connection> | Connection): RedisNode {
  return {
    name,
    scan: async (cursor, match, count, type) => {
      const node = await connection();
      const page = await node.scan(cursor, { MATCH: match, COUNT: count, TYPE: type });
      const { cursor: next, keys } = page as { cursor: unknown; keys: string[] };
      return { cursor: String(next), keys };
    },
  };
}

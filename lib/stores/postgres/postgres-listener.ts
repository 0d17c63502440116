import type { PostgresClient } from './postgres-client.js';

/** Between tries to connect again, in ms. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/** A connection of `pg`, by what hearing needs of it. */
interface Connection {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: 'error' | 'end', listener: () => void): unknown;
}

type ConnectionClass = new (config: unknown) => Connection;

/** A pool names what its connections are made of. */
interface PoolLike {
  readonly options?: unknown;
  readonly Client?: ConnectionClass;
}

/** What makes connections of the store's own. A pool that was given lends none: one that listens would be lost to it. */
export async function connectionMaker(
  given: PostgresClient | undefined,
  url: string | undefined,
): Promise<() => Connection> {
  if (given === undefined) {
    const { Client } = (await import('pg')).default;
    return () => new Client({ connectionString: url, keepAlive: true }) as Connection;
  }
  const { options, Client } = given as PostgresClient & PoolLike;
  if (Client === undefined || options === undefined)
    throw new Error('PostgresStore was given a single client, so there is no connection to LISTEN on; give it a pool');
  return () => new Client(options);
}

/** Hears a channel, and connects again when that is lost. */
export class PostgresListener {
  private connection: Connection | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isEnded = false;
  private waitMs = FIRST_WAIT_MS;

  constructor(
    private readonly make: () => Connection,
    private readonly channel: string,
    private readonly hear: (text: string) => void,
    private readonly state: (isUp: boolean) => void,
  ) {}

  async connect(): Promise<void> {
    const connection = this.make();
    connection.on('error', () => undefined);
    connection.on('notification', ({ payload }) => this.hear(payload ?? ''));
    try {
      await connection.connect();
      await connection.query(`LISTEN "${this.channel}"`);
    } catch (error) {
      await connection.end().catch(() => undefined);
      throw error;
    }
    if (this.isEnded) {
      await connection.end();
      return;
    }
    this.connection = connection;
    this.waitMs = FIRST_WAIT_MS;
    connection.on('end', () => {
      if (!this.isEnded) this.state(false);
      this.lost();
    });
  }

  private lost(): void {
    this.connection = undefined;
    if (this.isEnded) return;
    this.timer = setTimeout(() => void this.again(), this.waitMs).unref();
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  private async again(): Promise<void> {
    try {
      await this.connect();
      this.state(true);
    } catch {
      // The server is not back yet; that nothing is heard is found out, and said, by who listens.
      this.lost();
    }
  }

  async end(): Promise<void> {
    this.isEnded = true;
    clearTimeout(this.timer);
    await this.connection?.end().catch(() => undefined);
  }
}

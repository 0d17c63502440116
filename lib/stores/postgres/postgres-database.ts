// From the module, and not the global: an app's tests may put a fake there.
import { setImmediate } from 'node:timers';
import { within } from '../../common/deadline.js';
import { SessionStoreError } from '../session-store.error.js';
import type { PostgresClient, PostgresQuery, PostgresResult } from './postgres-client.js';
import { storeError } from './postgres-errors.js';
import type { ResolvedPostgresOptions } from './postgres-options.js';
import type { Statement } from './postgres-queries.js';

/** A row: each column as the server's own text. */
export type Row = readonly (string | null)[];

interface OwnPool extends PostgresClient {
  end(): Promise<void>;
}

/** Where a pool, or a client, says where it goes. */
interface PoolAddress {
  readonly host?: string;
  readonly port?: number | string;
  readonly connectionString?: string;
}

// The text as it came, whatever parsers the app has set for `json`, `int8` or dates.
const types = { getTypeParser: () => (value: string) => value };

/** Where queries go: the client that was given, or a pool of the store's own. */
export class PostgresDatabase {
  private opened: Promise<PostgresClient> | undefined;
  private closing: Promise<void> | undefined;
  private readonly running = new Set<Promise<unknown>>();

  constructor(
    private readonly options: ResolvedPostgresOptions,
    private readonly table: string,
  ) {
    if (options.client !== undefined) this.opened = Promise.resolve(listenForErrors(options.client));
  }

  /** One of the queries that requests wait for, bounded by `queryTimeout`, waiting for a connection included. */
  run(statement: Statement, values: unknown[]): Promise<PostgresResult> {
    const { preparedStatements, queryTimeoutMs } = this.options;
    return this.track(
      this.inTime(
        this.send({
          text: statement.text,
          values,
          ...(preparedStatements && { name: statement.name }),
          // So that `pg` gives up too, and a pool drops the connection that hangs.
          query_timeout: queryTimeoutMs,
        }),
      ),
    );
  }

  /** A query that may take its time, planned with its values. */
  runSlow(text: string, values: unknown[] = []): Promise<PostgresResult> {
    return this.track(this.send({ text, values }));
  }

  /** Statements without parameters, separated by `;`: one transaction, and one trip to the server. */
  runScript(text: string): Promise<PostgresResult> {
    return this.track(this.send({ text }));
  }

  /** Waits for what is under way, then ends the pool that the store made. */
  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  /** Works again after `close()`, with another pool if the store makes it. */
  async reopen(): Promise<void> {
    const { closing } = this;
    await closing?.catch(() => undefined);
    if (this.closing === closing) this.closing = undefined;
  }

  get closed(): boolean {
    return this.closing !== undefined;
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    const { queryTimeoutMs: ms } = this.options;
    return within(ms, work, () => new SessionStoreError('TIMEOUT', `${this.name} didn't answer within ${ms} ms.`));
  }

  private track(sent: Promise<PostgresResult>): Promise<PostgresResult> {
    this.running.add(sent);
    const done = () => this.running.delete(sent);
    sent.then(done, done);
    return sent;
  }

  private async send(query: Omit<PostgresQuery, 'rowMode' | 'types'>): Promise<PostgresResult> {
    try {
      const client = await (this.opened ??= this.makePool());
      return await client.query({ ...query, rowMode: 'array', types });
    } catch (error) {
      throw storeError(error, this.table, this.address);
    }
  }

  /** Where the client goes, without user and password. */
  private get address(): string | undefined {
    const { client, connectionString } = this.options;
    const { options = client } = (client ?? {}) as { readonly options?: PoolAddress };
    const { host, port } = (options ?? {}) as PoolAddress;
    if (host !== undefined) return `${host}:${port ?? 5432}`;
    const url = connectionString ?? (options as PoolAddress | undefined)?.connectionString;
    return url !== undefined && URL.canParse(url) ? new URL(url).host || undefined : undefined;
  }

  private get name(): string {
    return this.address === undefined ? 'PostgreSQL' : `PostgreSQL at ${this.address}`;
  }

  private async makePool(): Promise<PostgresClient> {
    try {
      const { client } = this.options;
      // One that was ended can't be used again: another like it.
      if (client !== undefined) return listenForErrors(like(client));
      const pg = await import('pg');
      const pool: OwnPool = new pg.default.Pool({
        connectionString: this.options.connectionString,
        connectionTimeoutMillis: this.options.queryTimeoutMs,
        keepAlive: true,
      });
      return listenForErrors(pool);
    } catch (error) {
      this.opened = undefined;
      if (error instanceof SessionStoreError) throw error;
      throw new SessionStoreError('REFUSED', 'PostgresStore could not load "pg" or its options: npm install pg.', {
        cause: error,
      });
    }
  }

  private async end(): Promise<void> {
    // What was called in this turn is sent at its end.
    await new Promise((resolve) => setImmediate(resolve));
    // A server that is frozen would hold the shutdown up for good.
    await this.inTime(Promise.allSettled(this.running)).catch(() => undefined);
    if (!this.options.ownsClient) return;
    const own = this.opened;
    this.opened = undefined;
    await ((await own) as OwnPool | undefined)?.end();
  }
}

/** @throws SessionStoreError for what is no pool. */
function like(ended: PostgresClient): PostgresClient {
  const { constructor, options } = ended as PostgresClient & {
    readonly constructor: new (options: unknown) => OwnPool;
    readonly options?: unknown;
  };
  if (options === undefined) {
    throw new SessionStoreError(
      'CLOSED',
      'A client of "pg" that was ended can\'t be used again. Give PostgresStore a pool, or "connectionString".',
    );
  }
  return new constructor(options);
}

const listened = new WeakSet<PostgresClient>();

/**
 * A connection broke while nothing waited for it. Without a listener Node ends the process; a pool makes a new
 * connection, and if there can't be one, the next query says so. It stays for good, one on each client: a pool's
 * `end()` is over before its connections are, and a server that goes then would end the process that shuts down.
 */
function listenForErrors(client: PostgresClient): PostgresClient {
  if (!listened.has(client)) client.on?.('error', () => undefined);
  listened.add(client);
  return client;
}

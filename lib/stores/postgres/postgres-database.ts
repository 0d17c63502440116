// Imported, as an app's tests may replace the global by a fake.
import { setImmediate } from 'node:timers';
import { within } from '../../common/deadline.js';
import { SessionStoreError } from '../session-store.error.js';
import type { PostgresClient, PostgresQuery, PostgresResult } from './postgres-client.js';
import { storeError } from './postgres-errors.js';
import type { ResolvedPostgresOptions } from './postgres-options.js';
import type { Statement } from './postgres-queries.js';

/** A row: each column as the server's text. */
export type Row = readonly (string | null)[];

interface OwnPool extends PostgresClient {
  end(): Promise<void>;
}

/** Where a pool or a client has its address. */
interface PoolAddress {
  readonly host?: string;
  readonly port?: number | string;
  readonly connectionString?: string;
}

// Returns the server's text, whatever parsers the app has set for `json`, `int8` or dates.
const types = { getTypeParser: () => (value: string) => value };

/** Sends queries to the given client, or to a pool of the store's own. */
export class PostgresDatabase {
  private opened: Promise<PostgresClient> | undefined;
  private closing: Promise<void> | undefined;
  /** How many queries have no answer yet. Not a set of them, whose old tables would keep requests in memory. */
  private running = 0;
  /** Called when the last of them has its answer. */
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly options: ResolvedPostgresOptions,
    private readonly table: string,
  ) {
    if (options.client !== undefined) this.opened = Promise.resolve(listenForErrors(options.client));
  }

  /** A query that requests wait for. `queryTimeout` limits it, including the wait for a connection. */
  run(statement: Statement, values: unknown[]): Promise<PostgresResult> {
    const { preparedStatements, queryTimeoutMs } = this.options;
    return this.track(
      this.inTime(
        this.send({
          text: statement.text,
          values,
          ...(preparedStatements && { name: statement.name }),
          // Makes `pg` give up too, so that a pool drops a connection that hangs.
          query_timeout: queryTimeoutMs,
        }),
      ),
    );
  }

  /** A query without a time limit, planned with its values. */
  runSlow(text: string, values: unknown[] = []): Promise<PostgresResult> {
    return this.track(this.send({ text, values }));
  }

  /** Statements without parameters, separated by `;`: one transaction, and one round trip to the server. */
  runScript(text: string): Promise<PostgresResult> {
    return this.track(this.send({ text }));
  }

  /** Waits for queries under way, then ends the pool that the store made. */
  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  /** Opens again after `close()`, with a new pool if the store makes it. */
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
    this.running += 1;
    const done = (): void => {
      this.running -= 1;
      if (this.running === 0) this.whenIdle?.();
    };
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

  /** The server's address, without user and password. */
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
      // A pool or client that was ended can't be used again, so make another like it.
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
    // Calls of this turn are sent at its end.
    await new Promise((resolve) => setImmediate(resolve));
    // A server that hangs must not block the shutdown.
    if (this.running > 0)
      await this.inTime(new Promise<void>((resolve) => (this.whenIdle = resolve))).catch(() => undefined);
    if (!this.options.ownsClient) return;
    const own = this.opened;
    this.opened = undefined;
    await ((await own) as OwnPool | undefined)?.end();
  }
}

/** @throws SessionStoreError if it is no pool. */
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
 * Handles errors of idle connections. Without a listener Node ends the process. A pool makes a new connection, and if
 * it can't, the next query fails. The listener stays on the client for good: `end()` of a pool is done before its
 * connections are closed, and a server that stops at that time would end the process during its shutdown.
 */
function listenForErrors(client: PostgresClient): PostgresClient {
  if (!listened.has(client)) client.on?.('error', () => undefined);
  listened.add(client);
  return client;
}

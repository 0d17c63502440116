import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { KeptConnection } from '../kept-connection.js';
import type { SessionBus } from '../session-bus.js';
import { idTaken, type SessionStoreError, storeClosed } from '../session-store.error.js';
import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from '../session-store.js';
import { instant } from './expire-column.js';
import { connectionMaker, listen } from './postgres-listener.js';
import { PostgresDatabase, type Row } from './postgres-database.js';
import { type PostgresStoreOptions, type ResolvedPostgresOptions, resolveOptions } from './postgres-options.js';
import { type PostgresQueries, postgresQueries } from './postgres-queries.js';
import { principalKey } from './principal-index.js';
import { Pruner, warnOfFailedPrune } from '../pruner.js';
import { warnAs } from '../store-options.js';
import { readRow, RowVersion, type SessionRow, storedSession } from './session-row.js';
import { SharedQueries } from './shared-queries.js';
import { setUpTable } from './table-setup.js';

/** Rows that one statement of `prune` removes: few enough that no lock lasts long. */
const PRUNE_BATCH = 1_000;

const warn = warnAs('KEYCARD_POSTGRES');

/**
 * Keeps sessions in a PostgreSQL table, in the format of connect-pg-simple. PostgreSQL 12 or newer, `pg` 8.
 *
 * A read and a write are one query each, which calls of the same turn of the event loop share. `replace` and `destroy`
 * compare the whole text that was read, in the statement that writes. Sending the text costs less CPU time than hashing
 * it, and is exact.
 *
 * @example
 * ```ts
 * new PostgresStore({ connectionString: process.env.DATABASE_URL })
 * ```
 */
export class PostgresStore extends SessionStore {
  private readonly options: ResolvedPostgresOptions;
  private readonly queries: PostgresQueries;
  private readonly database: PostgresDatabase;
  private readonly pruner: Pruner;
  private readonly shared: SharedQueries;
  private readonly listeners = new Set<KeptConnection>();

  /** @throws TypeError if an option can't be used: one sentence that names it. */
  constructor(options: PostgresStoreOptions) {
    super();
    this.options = resolveOptions(options);
    this.queries = postgresQueries(this.options.tableName, this.options.schemaName);
    this.database = new PostgresDatabase(this.options, this.queries.table);
    this.shared = new SharedQueries(this.database, this.queries);
    this.pruner = new Pruner(this.options.pruneIntervalMs, () => this.prune(), warnOfFailedPrune(warn));
  }

  /**
   * Connects. Creates the table or its indexes, if they are missing and `createTableIfMissing` is `true`.
   *
   * @throws SessionStoreError with code `REFUSED` if there is no suitable table; otherwise like every method.
   */
  override async open(): Promise<void> {
    await this.database.reopen();
    const { tableName, schemaName, createTableIfMissing: create } = this.options;
    const { database } = this;
    const { table } = this.queries;
    await onceUp(() => {
      this.mustBeOpen();
      return setUpTable({ database, table, tableName, schemaName, create, warn });
    });
    if (!this.database.closed) this.pruner.start();
  }

  /** A bus by `LISTEN` and `NOTIFY`. It listens on a connection of its own. */
  override bus(): SessionBus {
    const { client, connectionString } = this.options;
    const channel = `keycard_${createHash('sha256').update(this.queries.table).digest('hex').slice(0, 32)}`;
    return {
      publish: async (text) => {
        this.mustBeOpen();
        await this.database.runSlow('SELECT pg_notify($1, $2)', [channel, text]);
      },
      subscribe: async (hear, state) => {
        const make = await connectionMaker(client, connectionString);
        const listener = new KeptConnection((lost) => listen(make(), channel, hear, lost), state);
        this.listeners.add(listener);
        try {
          await listener.connect();
        } catch (error) {
          this.listeners.delete(listener);
          throw error;
        }
        return async () => {
          this.listeners.delete(listener);
          await listener.end();
        };
      },
    };
  }

  override async close(): Promise<void> {
    this.pruner.stop();
    await Promise.all([...this.listeners].map((listener) => listener.end()));
    this.listeners.clear();
    await this.database.close();
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    this.mustBeOpen();
    // Repeated if an expired row is in the way, as another process may remove it and insert a new one.
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.shared.insert({ id, record })) return;
      const row = await this.shared.load(id);
      if (row !== undefined && this.isLive(row)) {
        // A create whose reply was lost is sent again. Each record has its own nonce, so an equal text is this one's.
        if (row.version.text === record.text) return;
        break;
      }
      if (row !== undefined) await this.removeVersion(row);
    }
    throw idTaken();
  }

  load(id: string, overdue = false): Promise<StoredSession | undefined> {
    if (this.database.closed) return Promise.reject(closed());
    return this.shared
      .load(id)
      .then((row) => (row !== undefined && (overdue || this.isLive(row)) ? storedSession(row) : undefined));
  }

  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    if (this.database.closed) return Promise.reject(closed());
    if (!(revision instanceof RowVersion) || revision.expiresAt <= this.options.clock.now())
      return this.whatElseIsThere(id);
    return this.shared
      .update({ id, record, version: revision })
      .then((done) => (done ? 'ok' : this.whatElseIsThere(id)));
  }

  async destroy(id: string, revision?: Revision): Promise<WriteResult> {
    this.mustBeOpen();
    if (revision === undefined) {
      const { rows } = await this.database.run(this.queries.remove, [id]);
      return rows.length === 1 && this.isLive(readRow(rows[0] as Row)) ? 'ok' : 'gone';
    }
    const row = revision instanceof RowVersion ? { id, version: revision } : undefined;
    if (row !== undefined && (await this.removeVersion(row))) return this.isLive(row) ? 'ok' : 'gone';
    return this.whatElseIsThere(id, true);
  }

  override async *list(query: ListQuery = {}): AsyncGenerator<ListedSession> {
    const { principal, overdue, batch = 100 } = query;
    let { cursor = '' } = query;
    for (;;) {
      this.mustBeOpen();
      const { rows } =
        principal === undefined
          ? await this.database.runSlow(this.queries.list, [cursor, batch])
          : await this.database.runSlow(this.queries.listPrincipal, [cursor, batch, principalKey(principal)]);
      for (const row of (rows as Row[]).map(readRow)) {
        cursor = row.id;
        if (overdue === true || this.isLive(row)) yield { ...storedSession(row), id: row.id, cursor };
      }
      if (rows.length < batch) return;
    }
  }

  /** For a row that connect-pg-simple wrote last, the time zone of the connection counts. */
  override async count(query: { readonly principal?: string | undefined } = {}): Promise<number> {
    this.mustBeOpen();
    const now = instant(this.options.clock.now());
    const { rows } =
      query.principal === undefined
        ? await this.database.runSlow(this.queries.count, [now])
        : await this.database.runSlow(this.queries.countPrincipal, [now, principalKey(query.principal)]);
    return Number((rows[0] as Row)[0]);
  }

  override async clear(): Promise<void> {
    this.mustBeOpen();
    await this.database.runSlow(this.queries.clear);
  }

  /**
   * Removes expired rows in batches. A row that connect-pg-simple wrote last stays 26 hours longer, as its time zone is
   * not known.
   */
  override async prune(): Promise<number> {
    this.mustBeOpen();
    const now = instant(this.options.clock.now());
    let sum = 0;
    for (;;) {
      const { rowCount } = await this.database.runSlow(this.queries.prune, [now, PRUNE_BATCH]);
      sum += rowCount ?? 0;
      if ((rowCount ?? 0) < PRUNE_BATCH || this.database.closed) return sum;
    }
  }

  private async removeVersion({ id, version }: SessionRow): Promise<boolean> {
    const { rows } = await this.database.run(this.queries.removeVersion, [id, version.text, version.digits]);
    return rows.length === 1;
  }

  private async whatElseIsThere(id: string, overdue = false): Promise<'conflict' | 'gone'> {
    return (await this.load(id, overdue)) === undefined ? 'gone' : 'conflict';
  }

  private isLive({ version }: SessionRow): boolean {
    return version.expiresAt > this.options.clock.now();
  }

  private mustBeOpen(): void {
    if (this.database.closed) throw closed();
  }
}

/** A server that is starting is asked again, ten times a second, until the limit for the start. */
async function onceUp(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const { cause } = error as { readonly cause?: { readonly code?: unknown } };
      if (tries === 25 || (cause?.code !== 'ECONNREFUSED' && cause?.code !== '57P03')) throw error;
      await wait(100);
    }
  }
}

const closed = (): SessionStoreError => storeClosed('PostgresStore');

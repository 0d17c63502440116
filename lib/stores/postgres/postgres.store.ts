import { SessionStoreError } from '../session-store.error.js';
import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from '../session-store.js';
import { decodeExpiry, instant } from './expire-column.js';
import { PostgresDatabase, type Row } from './postgres-database.js';
import { type PostgresStoreOptions, type ResolvedPostgresOptions, resolveOptions } from './postgres-options.js';
import { canBeJoined, joinTexts, type PostgresQueries, postgresQueries } from './postgres-queries.js';
import { principalKey } from './principal-index.js';
import { Pruner } from './pruner.js';
import { setUpTable } from './table-setup.js';
import { TurnBatcher } from './turn-batcher.js';

/** Rows that one statement of `prune` removes: few enough that no lock is held for long. */
const PRUNE_BATCH = 1_000;

/** What was in the row when it was read. Only `digits` tells a row apart that a peer has touched since. */
class RowVersion {
  constructor(
    readonly text: string,
    readonly digits: string,
    readonly expiresAt: number,
  ) {}
}

interface ReadRow {
  readonly id: string;
  readonly version: RowVersion;
}

interface Write {
  readonly id: string;
  readonly record: SessionRecord;
}

interface Swap extends Write {
  readonly version: RowVersion;
}

/**
 * Sessions in a PostgreSQL table, in the format of connect-pg-simple. PostgreSQL 12 or newer, `pg` 8.
 *
 * One query a read and one a write, and calls of the same turn of the event loop share it. `replace` and `destroy`
 * compare the whole text that was read, in the statement that writes: sending it costs the process less than hashing
 * it, and no two texts are taken for one.
 *
 * @example
 * new PostgresStore({ pool: new Pool({ connectionString: process.env.DATABASE_URL }) })
 */
export class PostgresStore extends SessionStore {
  private readonly options: ResolvedPostgresOptions;
  private readonly queries: PostgresQueries;
  private readonly database: PostgresDatabase;
  private readonly pruner: Pruner | undefined;

  private readonly loads = new TurnBatcher<string, StoredSession | undefined>({
    weight: (id) => id.length,
    run: (ids) => this.loadMany(ids),
  });
  private readonly inserts = new TurnBatcher<Write, boolean>({
    key: ({ id }) => id,
    weight: ({ record }) => weightOf(record),
    run: (writes) => this.insertMany(writes),
  });
  private readonly updates = new TurnBatcher<Swap, boolean>({
    key: ({ id }) => id,
    weight: ({ record, version }) => weightOf(record) + version.text.length,
    run: (swaps) => this.updateMany(swaps),
  });

  /** @throws TypeError where an option can't be used: one sentence that names it. */
  constructor(options: PostgresStoreOptions) {
    super();
    this.options = resolveOptions(options);
    this.queries = postgresQueries(this.options.tableName, this.options.schemaName);
    this.database = new PostgresDatabase(this.options, this.queries.table);
    const { pruneIntervalMs } = this.options;
    if (pruneIntervalMs !== false) {
      this.pruner = new Pruner(
        pruneIntervalMs,
        () => this.prune(),
        (error) => warn(`Removing expired sessions failed, and is tried again later: ${(error as Error).message}`),
      );
    }
  }

  /**
   * Connects, and creates the table or its indexes where they are missing and `createTableIfMissing` allows it.
   *
   * @throws SessionStoreError with code `REFUSED` where there is no table that fits, else as every method.
   */
  override async open(): Promise<void> {
    this.mustBeOpen();
    const { tableName, schemaName, createTableIfMissing: create } = this.options;
    await setUpTable({ database: this.database, table: this.queries.table, tableName, schemaName, create, warn });
    if (!this.database.closed) this.pruner?.start();
  }

  override async close(): Promise<void> {
    this.pruner?.stop();
    await this.database.close();
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    this.mustBeOpen();
    // More than once where an expired row is in the way, which somebody else may clear away and fill too.
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await this.inserts.add({ id, record })) return;
      const row = await this.read(id);
      if (row !== undefined && this.isLive(row)) {
        // A create whose reply was lost is sent again: every record has a nonce, so its text is its own.
        if (row.version.text === record.text) return;
        break;
      }
      if (row !== undefined) await this.removeVersion(row);
    }
    throw new SessionStoreError('ID_TAKEN', 'A live session has this id already; nothing was written.');
  }

  async load(id: string): Promise<StoredSession | undefined> {
    this.mustBeOpen();
    return this.loads.add(id);
  }

  async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    this.mustBeOpen();
    if (revision instanceof RowVersion && revision.expiresAt > this.options.clock.now()) {
      if (await this.updates.add({ id, record, version: revision })) return 'ok';
    }
    return this.whatElseIsThere(id);
  }

  async destroy(id: string, revision?: Revision): Promise<WriteResult> {
    this.mustBeOpen();
    if (revision === undefined) {
      const { rows } = await this.database.run(this.queries.remove, [id]);
      return rows.length === 1 && this.isLive(readRow(rows[0] as Row)) ? 'ok' : 'gone';
    }
    if (revision instanceof RowVersion && revision.expiresAt > this.options.clock.now()) {
      if (await this.removeVersion({ id, version: revision })) return 'ok';
    }
    return this.whatElseIsThere(id);
  }

  override async *list(query: ListQuery = {}): AsyncGenerator<ListedSession> {
    const { principal, batch = 100 } = query;
    let { cursor = '' } = query;
    for (;;) {
      this.mustBeOpen();
      const { rows } =
        principal === undefined
          ? await this.database.runSlow(this.queries.list, [cursor, batch])
          : await this.database.runSlow(this.queries.listPrincipal, [cursor, batch, principalKey(principal)]);
      for (const row of (rows as Row[]).map(readRow)) {
        cursor = row.id;
        if (this.isLive(row)) yield { ...storedSession(row), id: row.id, cursor };
      }
      if (rows.length < batch) return;
    }
  }

  /** A row that a peer wrote last counts by the time zone of the connection. */
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

  /** Removes expired rows in batches. A row that a peer wrote last stays for 26 hours more: nobody knows its time zone. */
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

  private async loadMany(ids: readonly string[]): Promise<(StoredSession | undefined)[]> {
    const { rows } = await this.database.run(this.queries.load, [[...new Set(ids)]]);
    const found = new Map<string, StoredSession>();
    for (const row of (rows as Row[]).map(readRow)) if (this.isLive(row)) found.set(row.id, storedSession(row));
    return ids.map((id) => found.get(id));
  }

  private async insertMany(writes: readonly Write[]): Promise<boolean[]> {
    const [first, second] = writes;
    if (first !== undefined && second === undefined) {
      const { id, record } = first;
      const { rows } = await this.database.run(this.queries.insert, [id, record.text, instant(record.expiresAt)]);
      return [rows.length === 1];
    }
    const { rows } = await this.database.run(this.queries.insertMany, writeColumns(writes));
    return whichOf(writes, rows as Row[]);
  }

  private async updateMany(swaps: readonly Swap[]): Promise<boolean[]> {
    const [first, second] = swaps;
    if (first !== undefined && second === undefined) {
      const { id, record, version } = first;
      const values = [id, record.text, instant(record.expiresAt), version.text, version.digits];
      const { rows } = await this.database.run(this.queries.update, values);
      return [rows.length === 1];
    }
    const versions = [joinTexts(swaps.map(({ version }) => version.text)), swaps.map(({ version }) => version.digits)];
    const { rows } = await this.database.run(this.queries.updateMany, [...writeColumns(swaps), ...versions]);
    return whichOf(swaps, rows as Row[]);
  }

  private async removeVersion({ id, version }: ReadRow): Promise<boolean> {
    const { rows } = await this.database.run(this.queries.removeVersion, [id, version.text, version.digits]);
    return rows.length === 1;
  }

  /** The row itself, dead or alive. */
  private async read(id: string): Promise<ReadRow | undefined> {
    const { rows } = await this.database.run(this.queries.load, [[id]]);
    return rows.length === 0 ? undefined : readRow(rows[0] as Row);
  }

  private async whatElseIsThere(id: string): Promise<'conflict' | 'gone'> {
    return (await this.load(id)) === undefined ? 'gone' : 'conflict';
  }

  private isLive({ version }: ReadRow): boolean {
    return version.expiresAt > this.options.clock.now();
  }

  private mustBeOpen(): void {
    if (this.database.closed) throw new SessionStoreError('CLOSED', 'The PostgresStore was closed.');
  }
}

function readRow([id, text, digits, inConnectionZone]: Row): ReadRow {
  const expiresAt = decodeExpiry(digits!, inConnectionZone!, text!);
  return { id: id!, version: new RowVersion(text!, digits!, expiresAt) };
}

function storedSession({ version }: ReadRow): StoredSession {
  return { text: version.text, expiresAt: version.expiresAt, revision: version };
}

function weightOf({ text }: SessionRecord): number {
  return canBeJoined(text) ? text.length : Infinity;
}

function writeColumns(writes: readonly Write[]): unknown[] {
  return [
    writes.map(({ id }) => id),
    joinTexts(writes.map(({ record }) => record.text)),
    writes.map(({ record }) => instant(record.expiresAt)),
  ];
}

function whichOf(writes: readonly Write[], rows: readonly Row[]): boolean[] {
  const done = new Set(rows.map(([id]) => id));
  return writes.map(({ id }) => done.has(id));
}

function warn(message: string): void {
  process.emitWarning(message, { type: 'KeycardWarning', code: 'KEYCARD_POSTGRES' });
}

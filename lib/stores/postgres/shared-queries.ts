import type { SessionRecord } from '../session-store.js';
import { TurnBatcher } from '../turn-batcher.js';
import { instant } from './expire-column.js';
import type { PostgresDatabase, Row } from './postgres-database.js';
import { wasRolledBack } from './postgres-errors.js';
import { canBeJoined, joinTexts, type PostgresQueries } from './postgres-queries.js';
import { readRow, type RowVersion, type SessionRow } from './session-row.js';

/** A record to insert under an id. */
export interface Write {
  readonly id: string;
  readonly record: SessionRecord;
}

/** A record to replace a version by. */
export interface Swap extends Write {
  readonly version: RowVersion;
}

/** The queries of requests: reads and writes of one turn of the event loop are sent together. */
export class SharedQueries {
  private readonly loads = new TurnBatcher<string, SessionRow | undefined>({
    weight: (id) => id.length,
    run: (ids) => this.loadMany(ids),
    didNothing: wasRolledBack,
  });
  private readonly inserts = new TurnBatcher<Write, boolean>({
    key: ({ id }) => id,
    weight: ({ record }) => weightOf(record),
    run: (writes) => this.insertMany(writes),
    didNothing: wasRolledBack,
  });
  private readonly updates = new TurnBatcher<Swap, boolean>({
    key: ({ id }) => id,
    weight: ({ record, version }) => weightOf(record) + version.text.length,
    run: (swaps) => this.updateMany(swaps),
    didNothing: wasRolledBack,
  });

  constructor(
    private readonly database: PostgresDatabase,
    private readonly queries: PostgresQueries,
  ) {}

  /** The row, live or expired. */
  load(id: string): Promise<SessionRow | undefined> {
    return this.loads.add(id);
  }

  /** Inserts a row; `false` if the id has a row. */
  insert(write: Write): Promise<boolean> {
    return this.inserts.add(write);
  }

  /** Replaces a version; `false` if it was no longer there. */
  update(swap: Swap): Promise<boolean> {
    return this.updates.add(swap);
  }

  private async loadMany(ids: readonly string[]): Promise<(SessionRow | undefined)[]> {
    const { rows } = await this.database.run(this.queries.load, [[...new Set(ids)]]);
    const found = new Map((rows as Row[]).map(readRow).map((row) => [row.id, row]));
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
    const { rows } = await this.database.run(this.queries.updateMany, [
      ...writeColumns(swaps),
      joinTexts(swaps.map(({ version }) => version.text)),
      swaps.map(({ version }) => version.digits),
    ]);
    return whichOf(swaps, rows as Row[]);
  }
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

import { createHash } from 'node:crypto';
import { SessionStoreError } from '../session-store.error.js';
import type { PostgresDatabase, Row } from './postgres-database.js';
import { sqlState } from './postgres-errors.js';
import { quoteIdentifier } from './postgres-queries.js';
import { PRINCIPAL } from './principal-index.js';

/** A larger table has to be indexed by its owner, with CONCURRENTLY, as building an index blocks all writes. */
const MAX_BYTES_TO_INDEX = 64 * 2 ** 20;

interface TableState {
  readonly exists: boolean;
  readonly bytes: number;
  readonly columns: ReadonlyMap<string, string>;
  readonly lacks: readonly ('expire' | 'principal')[];
  /** Names of indexes that exist in the schema for something else. */
  readonly taken: ReadonlySet<string>;
}

export interface TableSetup {
  readonly database: PostgresDatabase;
  readonly table: string;
  readonly tableName: string;
  readonly schemaName: string | undefined;
  readonly create: boolean;
  readonly warn: (message: string) => void;
}

/**
 * Checks the table, and creates what is missing if it may.
 *
 * @throws SessionStoreError with code `REFUSED` if there is no suitable table. The message says what to do.
 */
export async function setUpTable(setup: TableSetup): Promise<void> {
  const state = await inspect(setup);
  if (state.exists) {
    checkColumns(setup, state);
    await completeIndexes(setup, state);
  } else if (setup.create) {
    await createTable(setup, state);
  } else {
    throw new SessionStoreError(
      'REFUSED',
      `The table ${setup.table} doesn't exist. Set createTableIfMissing: true, or run:\n${tableSql(setup, state).join(';\n')};`,
    );
  }
}

// One statement that only reads tables (`to_regclass` uses a cache), so that it sees one moment: another process may be
// creating the table.
const INSPECTION = `
  WITH path AS (SELECT CASE WHEN $2::text IS NULL THEN current_schemas(true) ELSE ARRAY[$2::name] END AS names),
  seen AS (
    SELECT c.oid FROM path, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname = ANY (path.names)
    ORDER BY array_position(path.names, n.nspname) LIMIT 1)
  SELECT c.oid::text, pg_relation_size(c.oid)::text,
    (SELECT string_agg(a.attname || E'\\t' || format_type(a.atttypid, NULL), E'\\n')
       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
       WHERE i.indrelid = c.oid AND i.indisvalid AND a.attname = 'expire')::text,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid
       AND pg_get_expr(i.indexprs, c.oid) LIKE '%replace%__keycard,p%')::text,
    (SELECT string_agg(o.relname, E'\\n') FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
       WHERE o.relname = ANY($3::text[]) AND CASE WHEN c.oid IS NULL
         THEN n.nspname = coalesce($2::name, current_schema()) ELSE o.relnamespace = c.relnamespace END)
  FROM (VALUES (1)) AS one(row) LEFT JOIN pg_class c ON c.oid = (SELECT oid FROM seen)`;

async function inspect({ database, tableName, schemaName }: TableSetup): Promise<TableState> {
  const names = [...candidates(tableName, 'expire'), ...candidates(tableName, 'principal')];
  const { rows } = await database.runSlow(INSPECTION, [tableName, schemaName ?? null, names]);
  const [oid, bytes, columns, expire, principal, taken] = rows[0] as Row;
  return {
    exists: oid !== null,
    bytes: Number(bytes),
    columns: new Map((columns ?? '').split('\n').map((line) => line.split('\t') as [name: string, type: string])),
    lacks: (['expire', 'principal'] as const).filter((_, n) => [expire, principal][n] !== 'true'),
    taken: new Set((taken ?? '').split('\n')),
  };
}

function checkColumns({ table, warn }: TableSetup, { columns }: TableState): void {
  const wanted = {
    sid: ['character varying', 'text'],
    sess: ['json', 'jsonb'],
    expire: ['timestamp without time zone'],
  };
  for (const [column, kinds] of Object.entries(wanted)) {
    const kind = columns.get(column);
    if (kind === undefined || !kinds.includes(kind)) {
      throw new SessionStoreError(
        'REFUSED',
        `The table ${table} has ${kind === undefined ? `no column "${column}"` : `the column "${column}" of type ${kind}`}; ` +
          `it takes ${kinds[0]}. Name another table with tableName, or change the column.`,
      );
    }
  }
  if (columns.get('sess') === 'jsonb') {
    warn(
      `The column "sess" of ${table} is jsonb, which refuses some texts (\\u0000) and costs more than json. Change it to json.`,
    );
  }
}

async function createTable(setup: TableSetup, state: TableState): Promise<void> {
  try {
    await runLocked(setup, tableSql(setup, state));
  } catch (error) {
    throw new SessionStoreError('REFUSED', `The table ${setup.table} doesn't exist, and could not be created.`, {
      cause: error instanceof SessionStoreError ? error.cause : error,
    });
  }
}

async function completeIndexes(setup: TableSetup, state: TableState): Promise<void> {
  if (state.lacks.length === 0) return;
  const statements = state.lacks.map((kind) => indexSql(setup, state, kind));
  const advice = `The table ${setup.table} lacks an index, which makes pruning or listing by principal read it whole. Run:\n${statements
    .map((sql) => `${sql.replace('CREATE INDEX', 'CREATE INDEX CONCURRENTLY')};`)
    .join('\n')}`;
  if (!setup.create || state.bytes > MAX_BYTES_TO_INDEX) {
    setup.warn(advice);
    return;
  }
  try {
    await runLocked(setup, statements);
  } catch (error) {
    // Only the owner of a table may index it. Sessions work without the index.
    if (!(error instanceof SessionStoreError) || sqlState(error.cause) !== '42501') throw error;
    setup.warn(advice);
  }
}

/** Runs the statements in one transaction with a lock, so that processes that start at once wait for each other. */
async function runLocked({ database, table }: TableSetup, statements: readonly string[]): Promise<void> {
  const key = createHash('sha256').update(`keycard ${table}`).digest().readBigInt64BE();
  await database.runScript([`SELECT pg_advisory_xact_lock(${key})`, ...statements].join(';\n'));
}

/**
 * connect-pg-simple's table. Its own script gives the constraint of the key the same name for each table, so a second
 * table would fail.
 */
function tableSql(setup: TableSetup, state: TableState): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${setup.table} (\n` +
      `  sid varchar NOT NULL PRIMARY KEY,\n  sess json NOT NULL,\n  expire timestamp(6) NOT NULL\n)`,
    indexSql(setup, state, 'expire'),
    indexSql(setup, state, 'principal'),
  ];
}

function indexSql(setup: TableSetup, state: TableState, kind: 'expire' | 'principal'): string {
  const [usual, unique] = candidates(setup.tableName, kind);
  const name = quoteIdentifier(state.taken.has(usual) ? unique : usual);
  // A hash index accepts names of any length, and leaves out rows without one.
  const on = kind === 'expire' ? '(expire)' : `USING hash (${PRINCIPAL})`;
  return `CREATE INDEX IF NOT EXISTS ${name} ON ${setup.table} ${on}`;
}

/**
 * Names for an index: connect-pg-simple's usual one, and another one if that is taken or too long. Names of over 63
 * bytes are truncated.
 */
function candidates(tableName: string, kind: string): [usual: string, unique: string] {
  const unique = `IDX_keycard_${kind}_${createHash('sha256').update(tableName).digest('hex').slice(0, 16)}`;
  const usual = `IDX_${tableName}_${kind}`;
  return [Buffer.byteLength(usual) > 63 ? unique : usual, unique];
}

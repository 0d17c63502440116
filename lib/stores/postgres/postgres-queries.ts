import { createHash } from 'node:crypto';
import { deadAt, EXPIRY_COLUMNS, EXPIRY_DIGITS, expireOf, liveAt } from './expire-column.js';
import { PRINCIPAL } from './principal-index.js';

/**
 * A statement, and the name under which a connection prepares it. The name is derived from the text, as a pool may
 * serve two tables.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type PostgresQueries = ReturnType<typeof postgresQueries>;

/**
 * Separates the texts of several records in one parameter. JSON can only contain it as an escape, so no escaping is
 * needed. As elements of an array literal, with a backslash before each quote, 32 kB would cost eight times as much.
 */
const SEPARATOR = '\u001f';

/** Joins texts into one parameter. */
export function joinTexts(texts: readonly string[]): string {
  return texts.join(SEPARATOR);
}

/** Whether `joinTexts` can take the text. Otherwise it is no JSON, and is sent alone, for the server to refuse. */
export function canBeJoined(text: string): boolean {
  return !text.includes(SEPARATOR);
}

/** Quotes a name for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The statements for one table. */
export function postgresQueries(tableName: string, schemaName: string | undefined) {
  const table = (schemaName === undefined ? '' : `${quoteIdentifier(schemaName)}.`) + quoteIdentifier(tableName);
  const row = `sid, sess::text, ${EXPIRY_COLUMNS}`;
  const sameVersion = (text: string, digits: string) => `sess::text = ${text} AND ${EXPIRY_DIGITS} = ${digits}`;
  const pruned = `SELECT sid FROM ${table} WHERE ${deadAt('$1::timestamptz')} ORDER BY expire LIMIT $2 FOR UPDATE SKIP LOCKED`;

  return {
    table,

    load: statement(`SELECT ${row} FROM ${table} WHERE sid = ANY($1::text[])`),

    insert: statement(
      `INSERT INTO ${table} (sid, sess, expire) VALUES ($1, $2::json, ${expireOf('$3::timestamptz')}) ` +
        `ON CONFLICT (sid) DO NOTHING RETURNING sid`,
    ),
    insertMany: statement(
      `INSERT INTO ${table} (sid, sess, expire) ` +
        `SELECT sid, sess::json, ${expireOf('at')} FROM unnest($1::text[], ${texts('$2')}, $3::timestamptz[]) AS v(sid, sess, at) ` +
        `ON CONFLICT (sid) DO NOTHING RETURNING sid`,
    ),

    update: statement(
      `UPDATE ${table} SET sess = $2::json, expire = ${expireOf('$3::timestamptz')} ` +
        `WHERE sid = $1 AND ${sameVersion('$4', '$5')} RETURNING sid`,
    ),
    // `= ANY` means the same as the join, and prevents a full scan by a plan that was made for an empty table.
    updateMany: statement(
      `UPDATE ${table} AS t SET sess = v.new_sess::json, expire = ${expireOf('v.at')} ` +
        `FROM unnest($1::text[], ${texts('$2')}, $3::timestamptz[], ${texts('$4')}, $5::text[]) AS v(id, new_sess, at, old_sess, old_digits) ` +
        `WHERE t.sid = v.id AND t.sid = ANY($1::text[]) AND ${sameVersion('v.old_sess', 'v.old_digits')} RETURNING t.sid`,
    ),

    remove: statement(`DELETE FROM ${table} WHERE sid = $1 RETURNING ${row}`),
    removeVersion: statement(`DELETE FROM ${table} WHERE sid = $1 AND ${sameVersion('$2', '$3')} RETURNING sid`),

    list: `SELECT ${row} FROM ${table} WHERE sid > $1 ORDER BY sid LIMIT $2`,
    // Materialized, so that the planner doesn't read the whole table in key order to avoid the sort.
    listPrincipal:
      `WITH own AS MATERIALIZED (SELECT * FROM ${table} WHERE ${PRINCIPAL} = $3) ` +
      `SELECT ${row} FROM own WHERE sid > $1 ORDER BY sid LIMIT $2`,

    count: `SELECT count(*) FROM ${table} WHERE ${liveAt('$1::timestamptz')}`,
    countPrincipal: `SELECT count(*) FROM ${table} WHERE ${PRINCIPAL} = $2 AND ${liveAt('$1::timestamptz')}`,

    clear: `DELETE FROM ${table}`,
    prune: `DELETE FROM ${table} WHERE sid = ANY(ARRAY(${pruned}))`,
  };
}

function texts(parameter: string): string {
  return `string_to_array(${parameter}, E'\\x1f')`;
}

function statement(text: string): Statement {
  return { text, name: `keycard_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` };
}

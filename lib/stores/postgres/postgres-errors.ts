import { scrub } from '../../common/scrubbed-error.js';
import { systemErrorIn } from '../system-error.js';
import { SessionStoreError, type SessionStoreErrorCode } from '../session-store.error.js';

/** PostgreSQL's error code (SQLSTATE), if the server sent one. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Whether the server refused this statement and rolled it back, so that its parts may be tried one by one. Not for a
 * lost connection: the statement may have been executed.
 */
export function wasRolledBack(error: unknown): boolean {
  const cause = error instanceof SessionStoreError ? error.cause : error;
  const state = sqlState(cause);
  // 22 data, 23 constraint, 40 rollback (deadlock), 54 limits (nesting depth, index row size).
  return state !== undefined && ['22', '23', '40', '54'].includes(state.slice(0, 2)) && state !== '40003';
}

/** The driver's error as a store error, with the cause. The message contains no ids and no data. */
export function storeError(error: unknown, table: string, address?: string): SessionStoreError {
  if (error instanceof SessionStoreError) return error;
  const state = sqlState(scrub(error));
  if (state === '42P01' || state === '3F000') {
    return refused(
      `The table ${table} doesn't exist. Let the store create it (createTableIfMissing: true, and open() at start), ` +
        `or run the statements of docs/stores/postgres.md.`,
      error,
    );
  }
  if (state === '42501') return refused(`The database role may not do this with the table ${table}: grant it.`, error);
  if (state === '26000' || state === '42P05') {
    return refused(
      'A prepared statement was not where the store left it, as behind PgBouncer in transaction mode: ' +
        'set preparedStatements: false.',
      error,
    );
  }
  const message = error instanceof Error ? error.message : '';
  const code = codeOf(state, message);
  const what = { TIMEOUT: "didn't answer in time", REFUSED: 'refused a query', UNAVAILABLE: 'is not available' }[code];
  const why = state === undefined ? systemErrorIn(error, address) : inWords(state, message);
  return new SessionStoreError(
    code,
    `PostgreSQL ${state === undefined && why === undefined && address ? `at ${address} ` : ''}${what}${why === undefined ? '' : `: ${why}`}${state === undefined ? '' : ` (SQLSTATE ${state})`}.`,
    { cause: error },
  );
}

/** What to do about the most frequent states at start. */
const REMEDIES: Readonly<Record<string, string>> = {
  '3D000': 'create it, or correct the name in the connection string',
  '28P01': 'correct user and password',
  '28000': "correct the user, or the server's pg_hba.conf",
  '53300': 'raise max_connections, or lower the "max" of the pools',
  '57P03': 'it starts up, shuts down or recovers',
  '25006': 'this is a standby: connect to the primary',
  '53100': 'the disk is full',
};

/** The server's message, if it is about the connection and not about a row, and what to do. */
function inWords(state: string, message: string): string | undefined {
  const remedy = REMEDIES[state];
  return remedy === undefined ? undefined : `${message}; ${remedy}`;
}

function refused(message: string, cause: unknown): SessionStoreError {
  return new SessionStoreError('REFUSED', message, { cause });
}

type DriverErrorCode = Extract<SessionStoreErrorCode, 'TIMEOUT' | 'REFUSED' | 'UNAVAILABLE'>;

function codeOf(state: string | undefined, message: string): DriverErrorCode {
  if (state === undefined) return /timeout/i.test(message) ? 'TIMEOUT' : 'UNAVAILABLE';
  if (state === '57014') return 'TIMEOUT';
  // 08 connection, 25 transaction state (a read-only standby, an aborted transaction), 40 rollback, 53 resources,
  // 57 operator intervention, 58 system, XX internal.
  return ['08', '25', '40', '53', '57', '58', 'XX'].includes(state.slice(0, 2)) ? 'UNAVAILABLE' : 'REFUSED';
}

import { scrub } from '../../common/scrubbed-error.js';
import { systemErrorIn } from '../system-error.js';
import { SessionStoreError, type SessionStoreErrorCode } from '../session-store.error.js';

/** The server's error code, if the server answered at all. */
export function serverCode(error: unknown): number | undefined {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return typeof name === 'string' &&
    /^Mongo(Server|WriteConcern|BulkWrite)Error$/.test(name) &&
    typeof code === 'number'
    ? code
    : undefined;
}

/**
 * The server refuses such a sub-document: a `$` or a dot in a key (52, 57), an empty key (56), a reference (55),
 * nesting beyond its limit (15), or any of these from another server (2).
 */
export function refusesDocument(error: unknown): boolean {
  return [2, 15, 52, 55, 56, 57].includes(serverCode(error) ?? 0);
}

/** The driver's error as a store error, with the cause. The message contains no ids and no data. */
export function storeErrorOf(error: unknown): SessionStoreError {
  if (error instanceof SessionStoreError) return error;
  const code = codeOf(error);
  const number = serverCode(error);
  const what = {
    TIMEOUT: "didn't answer in time",
    REFUSED: 'refused',
    UNAVAILABLE: 'is not available',
    CLOSED: 'was closed: its client has ended',
  }[code];
  const detail = number === undefined ? '' : ` (${(error as { codeName?: string }).codeName ?? 'error'}, ${number})`;
  const why = number === undefined ? systemErrorIn(error, serversOf(error)) : REMEDIES[number];
  return new SessionStoreError(code, `MongoDB ${what}${why === undefined ? '' : `: ${why}`}${detail}.`, {
    cause: scrub(error),
  });
}

/** What to do about the most frequent errors at start. The server's own message may contain the whole command. */
const REMEDIES: Readonly<Record<number, string>> = {
  13: 'the user may not do this with the database; grant readWrite on it',
  18: 'the login is wrong; check user, password and authSource',
  8000: 'the login is wrong; check user, password and authSource',
};

/** The servers that a client could not find. */
function serversOf(error: unknown): string | undefined {
  const { servers } = (error as { reason?: { servers?: unknown } } | undefined)?.reason ?? {};
  return servers instanceof Map ? [...servers.keys()].join(', ') : undefined;
}

type DriverErrorCode = Exclude<SessionStoreErrorCode, 'ID_TAKEN'>;

function codeOf(error: unknown): DriverErrorCode {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  const code = serverCode(error);
  if (code !== undefined) {
    if (code === 50 || code === 262) return 'TIMEOUT';
    return passes(error, code) ? 'UNAVAILABLE' : 'REFUSED';
  }
  if (name === 'MongoClientClosedError' || name === 'MongoNotConnectedError') return 'CLOSED';
  return /timeout|timed out/i.test(`${name} ${name === 'MongoServerSelectionError' ? '' : message}`)
    ? 'TIMEOUT'
    : 'UNAVAILABLE';
}

/** A failover, a shutdown or an overloaded server: another try may succeed. */
function passes(error: unknown, code: number): boolean {
  const labelled = error as { hasErrorLabel?: (label: string) => boolean };
  if (labelled.hasErrorLabel?.('RetryableWriteError') || labelled.hasErrorLabel?.('RetryableError')) return true;
  return [1, 6, 7, 8, 64, 89, 91, 112, 133, 189, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436].includes(code);
}

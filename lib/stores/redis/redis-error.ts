import { scrub } from '../../common/scrubbed-error.js';
import { SessionStoreError, type SessionStoreErrorCode } from '../session-store.error.js';

const REFUSED = /^(NOPERM|NOAUTH|WRONGPASS|OOM|DENIED|ERR unknown command|ERR This Redis command is not allowed)/;
/** Errors within a script, which versions before 7 wrap in a message of their own. */
const REFUSED_IN_SCRIPT = /The user executing the script|ACL failure in script|-OOM /;
const NO_SCRIPT = /'(evalsha|eval)'/i;

/** A driver's error as a store error. */
export function storeErrorOf(error: unknown): SessionStoreError {
  if (error instanceof SessionStoreError) return error;
  const cause = scrub(error);
  const said = cause instanceof Error ? cause.message : String(cause);
  const code = codeOf(said);
  return new SessionStoreError(code, sentence(code, said), { cause });
}

function codeOf(said: string): SessionStoreErrorCode {
  if (REFUSED.test(said) || REFUSED_IN_SCRIPT.test(said)) return 'REFUSED';
  return /timed out|timeout/i.test(said) ? 'TIMEOUT' : 'UNAVAILABLE';
}

function sentence(code: SessionStoreErrorCode, said: string): string {
  if (code === 'TIMEOUT') return `Redis did not answer in time: ${said}`;
  if (code !== 'REFUSED') return `Redis failed: ${said}`;
  const hint = NO_SCRIPT.test(said)
    ? 'RedisStore compares and swaps in Lua scripts, so its user needs +eval and +evalsha'
    : 'docs/stores/redis.md lists the commands and keys that RedisStore needs';
  return `Redis refused: ${said}. ${hint}.`;
}

/** A driver's promise that rejects with a store error. */
export const wrapped = <T>(work: Promise<T>): Promise<T> => work.catch(rethrown);

export function rethrown(error: unknown): never {
  throw storeErrorOf(error);
}

import { SessionStoreError } from '../session-store.error.js';

/** The code of a failed system call. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Runs `work`; returns `false` if the system refused it with one of these codes. */
export function succeeds(work: () => void, ...refusals: readonly string[]): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (refusals.includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** A failed system call as a store error, without its message and path, as the path contains the session's id. */
export function storeErrorOf(error: unknown, message: string): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (error instanceof SessionStoreError || syscall === undefined) return error;
  const cause = Object.assign(new Error(`${code} from ${syscall}`), { code, syscall });
  return new SessionStoreError('UNAVAILABLE', `${message} (${code})`, { cause });
}

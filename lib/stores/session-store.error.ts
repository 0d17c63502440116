/** What went wrong in a store. `ID_TAKEN`: `create` met a live record. `UNAVAILABLE`: it failed or didn't answer. `REFUSED`: it answered that it won't. `CLOSED`: it was closed. */
export type SessionStoreErrorCode = 'ID_TAKEN' | 'UNAVAILABLE' | 'TIMEOUT' | 'REFUSED' | 'CLOSED';

/** A store that is broken, away or refuses. `cause` holds the driver's own error. */
export class SessionStoreError extends Error {
  override readonly name: string = 'SessionStoreError';
  /** Express and Nest answer 503 if nobody catches the error. */
  readonly statusCode: number = 503;
  readonly status: number = 503;
  /** The message may name hosts and ports: it is for the log. */
  readonly expose: boolean = false;

  constructor(
    readonly code: SessionStoreErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** By name, as the two builds of this package each have a class of that name. */
export function isStoreError(error: unknown): error is SessionStoreError {
  return (
    error instanceof SessionStoreError ||
    (error instanceof Error && error.name === 'SessionStoreError' && 'code' in error)
  );
}

/** Whether the store was closed: an app that has ended has nothing left to write or to take back. */
export const isClosed = (error: unknown): boolean => isStoreError(error) && error.code === 'CLOSED';

/**
 * Why a store failed. `ID_TAKEN`: `create` found a live record. `UNAVAILABLE`: it failed or can't be reached.
 * `TIMEOUT`: it didn't answer in time. `REFUSED`: it refuses the call. `CLOSED`: it was closed.
 */
export type SessionStoreErrorCode = 'ID_TAKEN' | 'UNAVAILABLE' | 'TIMEOUT' | 'REFUSED' | 'CLOSED';

/** The error of a store that fails, can't be reached or refuses a call. `cause` is the driver's own error. */
export class SessionStoreError extends Error {
  override readonly name: string = 'SessionStoreError';
  /** Express and Nest answer with this status if the app doesn't catch the error. */
  readonly statusCode: number = 503;
  readonly status: number = 503;
  /** The message may contain hosts and ports, so it must not be sent to clients. */
  readonly expose: boolean = false;

  constructor(
    readonly code: SessionStoreErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A live record already has the id. */
export const idTaken = (): SessionStoreError =>
  new SessionStoreError('ID_TAKEN', 'A live session already has this id. Nothing was written.');

/** @param store the name of its class. */
export const storeClosed = (store: string): SessionStoreError =>
  new SessionStoreError('CLOSED', `This ${store} was closed. Call open() before you use it again.`);

/** Compares the name, as each of the two builds of this package has a class of its own. */
export function isStoreError(error: unknown): error is SessionStoreError {
  return (
    error instanceof SessionStoreError ||
    (error instanceof Error && error.name === 'SessionStoreError' && 'code' in error)
  );
}

/** Whether the store was closed. Then the app is shutting down, and nothing has to be cleaned up. */
export const isClosed = (error: unknown): boolean => isStoreError(error) && error.code === 'CLOSED';

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

/** An option of the module, a store or a cookie can't be used. Thrown at bootstrap. */
export class SessionOptionsError extends Error {
  override readonly name = 'SessionOptionsError';
  readonly code = 'SESSION_OPTIONS';
}

/** A value was assigned to a name that sessions reserve. */
export class ReservedKeyError extends Error {
  override readonly name = 'ReservedKeyError';
  readonly code = 'RESERVED_KEY';
  constructor(readonly key: string) {
    super(
      `"${key}" is a name that the session keeps for itself. Store the value under another key, ` +
        `or access a key of that name in old data with dataOf(session).`,
    );
  }
}

/** The session can't be turned into JSON, or is too large. Nothing was written, and no stored data were lost. */
export class SessionDataError extends Error {
  override readonly name = 'SessionDataError';
  constructor(
    readonly code: 'NOT_SERIALIZABLE' | 'TOO_LARGE' | 'TOO_DEEP' | 'SCHEMA',
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The session was used where or when that is not possible. `code` says why. */
export class SessionStateError extends Error {
  override readonly name = 'SessionStateError';
  constructor(
    readonly code:
      'NOT_LOADED' | 'NO_RESPONSE' | 'HEADERS_SENT' | 'ENDED' | 'NO_MIDDLEWARE' | 'NO_REQUEST' | 'UNSUPPORTED',
    message: string,
    /** The status of the response, if it is not 500. */
    readonly statusCode?: 409,
  ) {
    super(message);
  }
}

/** The store failed while the session was loaded or saved. The response is 503. */
export class SessionUnavailableError extends Error {
  override readonly name = 'SessionUnavailableError';
  readonly code: string = 'SESSION_UNAVAILABLE';
  readonly statusCode = 503;
  readonly status = 503;
  /** Express' and Nest's own error handlers may show this message. */
  readonly expose = true;
  constructor(
    message = 'The session store is not available. Please try again.',
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The principal already has `maxSessionsPerPrincipal` sessions, and `onTooMany` is `reject`. */
export class TooManySessionsError extends Error {
  override readonly name = 'TooManySessionsError';
  readonly code = 'TOO_MANY_SESSIONS';
  readonly statusCode = 409;
  readonly status = 409;
  readonly expose = true;
  constructor(readonly limit: number) {
    super(`You already have ${limit} sessions, the most that are allowed. Log out on another device first.`);
  }
}

/** An option of the module, a store or a cookie that can't be used. Thrown at bootstrap. */
export class SessionOptionsError extends Error {
  override readonly name = 'SessionOptionsError';
  readonly code = 'SESSION_OPTIONS';
}

/** Something was assigned to a name that the session keeps for itself. */
export class ReservedKeyError extends Error {
  override readonly name = 'ReservedKeyError';
  readonly code = 'RESERVED_KEY';
  constructor(readonly key: string) {
    super(
      `"${key}" is a name that the session keeps for itself: store the value under another key, ` +
        `or reach a key of that name in old data with dataOf(session).`,
    );
  }
}

/** The session can't be turned into JSON, or is too large. Nothing was written, and nothing was lost. */
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

/** The session was asked for where it can't be had. */
export class SessionStateError extends Error {
  override readonly name = 'SessionStateError';
  constructor(
    readonly code:
      'NOT_LOADED' | 'NO_RESPONSE' | 'HEADERS_SENT' | 'ENDED' | 'NO_MIDDLEWARE' | 'NO_REQUEST' | 'UNSUPPORTED',
    message: string,
    /** The status of the answer, if it is not 500. */
    readonly statusCode?: 409,
  ) {
    super(message);
  }
}

/** The store failed while the session was loaded or saved. Answered with 503. */
export class SessionUnavailableError extends Error {
  override readonly name = 'SessionUnavailableError';
  readonly code: string = 'SESSION_UNAVAILABLE';
  readonly statusCode = 503;
  readonly status = 503;
  /** Express' and Nest's own handlers may show this message. */
  readonly expose = true;
  constructor(
    message = 'The session store is not available. Please try again.',
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The principal has as many sessions as `maxSessionsPerPrincipal` allows, and `onTooMany` is `reject`. */
export class TooManySessionsError extends Error {
  override readonly name = 'TooManySessionsError';
  readonly code = 'TOO_MANY_SESSIONS';
  readonly statusCode = 409;
  readonly status = 409;
  readonly expose = true;
  constructor(readonly limit: number) {
    super(`There are ${limit} sessions already, which is as many as are allowed. Log out on another device first.`);
  }
}

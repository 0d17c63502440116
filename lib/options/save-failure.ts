import type { IncomingMessage } from 'node:http';

/** A session that could not be saved when the response was to leave. */
export interface SaveFailure {
  /** 503: the store failed. 409: the login was refused. 500: the data can't be saved. */
  readonly statusCode: 409 | 500 | 503;
  /** May be shown to the visitor. */
  readonly message: string;
  /** What went wrong. It may name hosts, or what the session holds: it is for the log. */
  readonly error: unknown;
}

/** What to answer in place of the app's response. */
export interface SaveErrorResponse {
  /** Default: the failure's. */
  readonly statusCode?: number | undefined;
  /** Default: `Content-Type: text/html; charset=utf-8`, `Cache-Control: no-store` and, with 503, `Retry-After: 1`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: string;
}

/** Makes the answer to a failed save; `undefined` leaves it as it is. */
export type OnSaveError = (failure: SaveFailure, req: IncomingMessage) => SaveErrorResponse | undefined;

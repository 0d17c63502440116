import type { IncomingMessage } from 'node:http';

/** A session that could not be saved before the response. */
export interface SaveFailure {
  /** 503: the store failed. 409: the login was refused. 500: the data can't be saved. */
  readonly statusCode: 409 | 500 | 503;
  /** A text that visitors may see. */
  readonly message: string;
  /** The error. It may contain hosts or session data, so only log it. */
  readonly error: unknown;
}

/** The response in place of the app's. */
export interface SaveErrorResponse {
  /** @defaultValue the failure's */
  readonly statusCode?: number | undefined;
  /**
   * @defaultValue `Content-Type: text/html; charset=utf-8`, `Cache-Control: no-store` and, with 503, `Retry-After: 1`
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: string;
}

/** Makes the response to a failed save; `undefined` for the default one. */
export type OnSaveError = (failure: SaveFailure, req: IncomingMessage) => SaveErrorResponse | undefined;

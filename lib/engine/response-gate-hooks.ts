import type { ServerResponse } from 'node:http';

/** The answer in place of the app's response. Framing headers (length, connection) are the gate's. */
export interface GateFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the gate asks. One object for all responses, or one each. */
export interface GateHooks {
  /**
   * Called exactly once, right before the first byte leaves. Headers and status are fixed by then; only
   * `addSetCookie` and `addHeader` still change them. Give undefined when there is nothing to wait for: the
   * response goes on in the same tick. Until a promise settles, everything is held. A throw is a rejection.
   */
  beforeHeaders(res: ServerResponse): void | Promise<void>;
  /**
   * Called at most once, when the app ends a response whose first byte came from an earlier call (a streamed
   * one). A promise holds the end back. A failure is the hook's to report: the response ends as the app meant.
   */
  beforeEnd?(res: ServerResponse): void | Promise<void>;
  /**
   * What to answer when `beforeHeaders` failed. Of the app's headers only CORS and Vary stay. Where the app has not
   * ended its response yet, the connection is closed after the answer.
   */
  failure(res: ServerResponse, error: unknown): GateFailure;
}

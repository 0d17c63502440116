/** What the store asks of `pg`: rows as arrays of plain text, whatever type parsers the app has set. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
  /** Prepared once a connection under this name; absent: planned every time. */
  readonly name?: string;
  readonly rowMode: 'array';
  readonly types: { getTypeParser(): (value: string) => string };
  /** In ms: when it has passed, `pg` gives up, and a pool drops the connection. */
  readonly query_timeout?: number;
}

/** What the store reads of an answer. */
export interface PostgresResult {
  readonly rows: unknown[];
  readonly rowCount: number | null;
}

/** A `Pool`, `Client` or `PoolClient` of `pg`, by what the store needs of it. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

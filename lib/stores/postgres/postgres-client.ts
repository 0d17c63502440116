/** A query for `pg`: rows as arrays of plain text, whatever type parsers the app has set. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
  /** Prepared once for each connection under this name. Missing: planned each time. */
  readonly name?: string;
  readonly rowMode: 'array';
  readonly types: { getTypeParser(): (value: string) => string };
  /** In ms. After it `pg` gives up, and a pool drops the connection. */
  readonly query_timeout?: number;
}

/** What the store reads of a result. */
export interface PostgresResult {
  readonly rows: unknown[];
  readonly rowCount: number | null;
}

/** The part of a `Pool`, `Client` or `PoolClient` of `pg` that the store uses. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

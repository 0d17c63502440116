import { inTime } from '../subscription-limit.js';
import type { PostgresClient } from './postgres-client.js';

/** The part of a connection of `pg` that listening needs. */
interface Connection {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: 'error' | 'end', listener: () => void): unknown;
}

type ConnectionClass = new (config: unknown) => Connection;

/** A pool shows the class and options of its connections. */
interface PoolLike {
  readonly options?: unknown;
  readonly Client?: ConnectionClass;
}

/** Makes connections for listening. A connection of the app's pool can't be used: the pool would be one short. */
export async function connectionMaker(
  given: PostgresClient | undefined,
  url: string | undefined,
): Promise<() => Connection> {
  if (given === undefined) {
    const { Client } = (await import('pg')).default;
    return () => new Client({ connectionString: url, keepAlive: true }) as Connection;
  }
  const { options, Client } = given as PostgresClient & PoolLike;
  if (Client === undefined || options === undefined)
    throw new Error('PostgresStore was given a single client, so there is no connection for LISTEN; give it a pool');
  return () => new Client(options);
}

/** Hears a channel on a connection of its own. */
export async function listen(
  connection: Connection,
  channel: string,
  hear: (text: string) => void,
  lost: () => void,
): Promise<() => Promise<void>> {
  connection.on('error', () => undefined);
  connection.on('notification', ({ payload }) => hear(payload ?? ''));
  try {
    await inTime(connection.connect().then(() => connection.query(`LISTEN "${channel}"`)));
  } catch (error) {
    // Not awaited, as a server that hangs doesn't answer this either.
    connection.end().catch(() => undefined);
    throw error;
  }
  connection.on('end', lost);
  return () => connection.end();
}

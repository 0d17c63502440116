import type { Collection, Db, MongoClient } from 'mongodb';
import { SessionStoreError, storeClosed } from '../session-store.error.js';
import { serverCode } from './mongo-errors.js';
import type { MongoSource, ResolvedMongoOptions } from './mongo-store.options.js';
import { SessionCollection } from './session-collection.js';
import type { SessionDocument } from './session-document.js';

/** How long the store's own client tries to find a server, and to connect to it. */
const OWN_CLIENT_PATIENCE_MS = 2_000;

/**
 * How often that client checks whether its server is reachable: the shortest that the driver allows. With longer
 * intervals, a check that begins as the server stops may never end (mongodb 7.8), and the client does not find its
 * server again.
 */
const OWN_CLIENT_HEARTBEAT_MS = 500;

/** The collection, however it is configured, and the client, if the store made it. */
export class MongoConnection {
  private readonly opened = new Map<string, Promise<unknown>>();
  private owned: MongoClient | undefined;
  private ended = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: ResolvedMongoOptions) {}

  get closed(): boolean {
    return this.ended;
  }

  /** @throws SessionStoreError with code `CLOSED` after `close()`. */
  async sessions(): Promise<SessionCollection> {
    this.mustBeOpen();
    return this.once('sessions', async () => new SessionCollection(await this.documents(), this.options.clock));
  }

  /** The addresses of the servers, if the client shows them. */
  get servers(): string | undefined {
    const { source } = this.options;
    const given = 'collection' in source ? source.collection.db : 'db' in source ? source.db : undefined;
    const client: unknown = given?.client ?? ('client' in source ? source.client : this.owned);
    const { options } = (client ?? {}) as { readonly options?: { readonly hosts?: readonly unknown[] } };
    return options?.hosts?.map(String).join(', ') || undefined;
  }

  /**
   * Every change is one update that compares and writes in one step. FerretDB 0 and 1 read first and write later, so of
   * several concurrent changes all would succeed. They name themselves in `buildInfo`; MongoDB has no such field.
   *
   * @throws SessionStoreError with code `REFUSED`.
   */
  async mustBeAtomic(): Promise<void> {
    const { ferretdbVersion } = await (await this.database()).command({ buildInfo: 1 }).catch(notAllowed);
    if (typeof ferretdbVersion !== 'string' || !/^v?[01]\./.test(ferretdbVersion)) return;
    throw new SessionStoreError(
      'REFUSED',
      `MongoStore needs a server whose updates are atomic, but FerretDB ${ferretdbVersion} loses concurrent changes. Use MongoDB, or FerretDB 2.`,
    );
  }

  /** Opens again after `close()`, with a new client if the store makes it. */
  async reopen(): Promise<void> {
    const { closing } = this;
    await closing?.catch(() => undefined);
    this.ended = false;
    const { source } = this.options;
    if (closing !== undefined && source.kind === 'client' && source.isOwn) await (await source.client).connect();
  }

  close(): Promise<void> {
    this.ended = true;
    return (this.closing = this.end());
  }

  private async end(): Promise<void> {
    const making = this.opened.get('client');
    this.opened.clear();
    // If the client is still being made, it must notice that the store was closed.
    await making?.catch(() => undefined);
    const { owned } = this;
    this.owned = undefined;
    await owned?.close();
    const { source } = this.options;
    if (source.kind === 'client' && source.isOwn) await (await source.client).close();
  }

  /** @throws SessionStoreError with code `REFUSED` if writes would not be acknowledged. */
  private async documents(): Promise<Collection<SessionDocument>> {
    const { source, collectionName } = this.options;
    const collection =
      source.kind === 'collection'
        ? // The app's collection has the app's own document type; what this store reads from it is checked as it is read.
          (source.collection as unknown as Collection<SessionDocument>)
        : (await this.database()).collection<SessionDocument>(collectionName);
    if (collection.writeConcern?.w === 0) {
      throw new SessionStoreError('REFUSED', 'MongoStore needs an acknowledged write concern: the client has w: 0.');
    }
    return collection;
  }

  private async database(): Promise<Db> {
    const { source, dbName } = this.options;
    if (source.kind === 'db') return source.db;
    if (source.kind === 'collection') return source.collection.db;
    const client =
      source.kind === 'client' ? await source.client : await this.once('client', () => this.ownClient(source));
    return client.db(dbName);
  }

  private async ownClient({ url, clientOptions }: Extract<MongoSource, { kind: 'url' }>): Promise<MongoClient> {
    const { MongoClient: Client } = await driver();
    this.mustBeOpen();
    const named = (option: string) => new RegExp(`[?&]${option}=`, 'i').test(url);
    const defaults = {
      serverSelectionTimeoutMS: OWN_CLIENT_PATIENCE_MS,
      connectTimeoutMS: OWN_CLIENT_PATIENCE_MS,
      heartbeatFrequencyMS: OWN_CLIENT_HEARTBEAT_MS,
    };
    this.owned = new Client(url, {
      ...Object.fromEntries(Object.entries(defaults).filter(([option]) => !named(option))),
      ...clientOptions,
    });
    return this.owned;
  }

  /** A success is kept; a failure is not. */
  private once<T>(what: string, make: () => Promise<T>): Promise<T> {
    const made = this.opened.get(what) as Promise<T> | undefined;
    if (made) return made;
    const making = make();
    this.opened.set(what, making);
    making.catch(() => this.opened.get(what) === making && this.opened.delete(what));
    return making;
  }

  private mustBeOpen(): void {
    if (this.ended) throw storeClosed('MongoStore');
  }
}

/** A server that doesn't tell its version is treated as MongoDB. */
function notAllowed(error: unknown): { ferretdbVersion?: unknown } {
  if (serverCode(error) === undefined) throw error;
  return {};
}

async function driver(): Promise<typeof import('mongodb')> {
  try {
    return await import('mongodb');
  } catch (error) {
    throw new SessionStoreError('REFUSED', 'MongoStore with "url" needs the package "mongodb": npm install mongodb.', {
      cause: error,
    });
  }
}

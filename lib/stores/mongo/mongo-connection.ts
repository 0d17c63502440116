import type { Collection, Db, MongoClient } from 'mongodb';
import { SessionStoreError } from '../session-store.error.js';
import { serverCode } from './mongo-errors.js';
import { OwnClient } from './own-client.js';
import type { MongoSource, ResolvedMongoOptions } from './mongo-store.options.js';
import { SessionCollection } from './session-collection.js';
import type { SessionDocument } from './session-document.js';
import { VersionClaims } from './version-claims.js';

/** How long the store's own client looks for a server, and for a connection to it. */
const OWN_CLIENT_PATIENCE_MS = 2_000;

/** What the server can do of what the store would have it do. */
export interface ServerTraits {
  /** Whether an update compares its filter and writes in one step, as MongoDB does. */
  readonly atomicUpdates: boolean;
}

/** The collection, wherever it comes from; and the client, where it is the store's own. */
export class MongoConnection {
  private readonly opened = new Map<string, Promise<unknown>>();
  private owned: OwnClient | undefined;
  /** Clients that were given up, until what they were asked has ended. */
  private readonly retired = new Set<MongoClient>();
  private ended = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: ResolvedMongoOptions) {}

  get closed(): boolean {
    return this.ended;
  }

  /** @throws SessionStoreError with code `CLOSED` after `close()`. */
  async sessions(): Promise<SessionCollection> {
    this.mustBeOpen();
    if (this.owned?.isStuck) this.retire(this.owned.client);
    return this.once('sessions', async () => {
      return new SessionCollection(await this.documents(), this.options.clock, () => this.claims());
    });
  }

  /** Where the client goes, as far as it says so. */
  get servers(): string | undefined {
    const { source } = this.options;
    const given = {
      url: this.owned?.client,
      client: source.kind === 'client' ? source.client : undefined,
      db: source.kind === 'db' ? source.db.client : undefined,
      collection: source.kind === 'collection' ? source.collection.db?.client : undefined,
    }[source.kind] as { readonly options?: { readonly hosts?: readonly unknown[] } } | undefined;
    return given?.options?.hosts?.map(String).join(', ') || undefined;
  }

  /** Asks the server, the first time. */
  traits(): Promise<ServerTraits> {
    return this.once('traits', async () => {
      // FerretDB 1 tells its version so; FerretDB 2, on another engine, doesn't, and is atomic.
      const { ferretdbVersion } = await (await this.database()).command({ buildInfo: 1 }).catch(notAllowed);
      return { atomicUpdates: !(typeof ferretdbVersion === 'string' && /^v?[01]\./.test(ferretdbVersion)) };
    });
  }

  /** Works again after `close()`, with another client where the store makes it. */
  async reopen(): Promise<void> {
    await this.closing;
    this.ended = false;
  }

  close(): Promise<void> {
    this.ended = true;
    return (this.closing = this.end());
  }

  private async end(): Promise<void> {
    const making = this.opened.get('client');
    this.opened.clear();
    // One that is only being made sees that it is too late.
    await making?.catch(() => undefined);
    const clients = [...this.retired, ...(this.owned === undefined ? [] : [this.owned.client])];
    this.owned = undefined;
    this.retired.clear();
    await Promise.all(clients.map((client) => client.close()));
  }

  /** The next call makes a new one. */
  private retire(client: MongoClient): void {
    this.owned = undefined;
    this.opened.clear();
    this.retired.add(client);
    setTimeout(() => {
      if (this.retired.delete(client)) client.close().catch(() => undefined); // Nobody waits for it.
    }, 2 * OWN_CLIENT_PATIENCE_MS).unref();
  }

  private claims(): Promise<VersionClaims | undefined> {
    return this.once('claims', async () => {
      if ((await this.traits()).atomicUpdates) return undefined;
      const { collectionName } = await this.documents();
      const database = await this.database();
      // Made first: inserts into a collection that is only being made meet no unique _id on FerretDB. That it is there already is an error.
      await database.createCollection(`${collectionName}.claims`).catch(() => undefined);
      return new VersionClaims(database.collection(`${collectionName}.claims`), this.options.clock);
    });
  }

  /** @throws SessionStoreError with code `REFUSED` where writes would not be acknowledged. */
  private async documents(): Promise<Collection<SessionDocument>> {
    const { source, collectionName } = this.options;
    const collection =
      source.kind === 'collection'
        ? (source.collection as unknown as Collection<SessionDocument>)
        : (await this.database()).collection<SessionDocument>(collectionName);
    // Before anything is sent: FerretDB answers such a write all the same, and each later answer on that connection is taken for the one before.
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
    const patience = ['serverSelectionTimeoutMS', 'connectTimeoutMS'].filter((option) => !named(option));
    const client = new Client(url, {
      ...Object.fromEntries(patience.map((option) => [option, OWN_CLIENT_PATIENCE_MS])),
      ...clientOptions,
    });
    this.owned = new OwnClient(client);
    return client;
  }

  /** What was made once is kept; a failure is not. */
  private once<T>(what: string, make: () => Promise<T>): Promise<T> {
    const made = this.opened.get(what) as Promise<T> | undefined;
    if (made) return made;
    const making = make();
    this.opened.set(what, making);
    making.catch(() => this.opened.get(what) === making && this.opened.delete(what));
    return making;
  }

  private mustBeOpen(): void {
    if (this.ended) throw new SessionStoreError('CLOSED', 'This MongoStore was closed.');
  }
}

/** A server that won't tell its version is taken for MongoDB. */
function notAllowed(error: unknown): { ferretdbVersion?: unknown } {
  if (serverCode(error) === undefined) throw error;
  return {};
}

async function driver(): Promise<typeof import('mongodb')> {
  try {
    return await import('mongodb');
  } catch (error) {
    throw new SessionStoreError(
      'REFUSED',
      'MongoStore makes a client from "url" by the package "mongodb": npm install mongodb.',
      {
        cause: error,
      },
    );
  }
}

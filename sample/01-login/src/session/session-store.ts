import { FileStore, MemoryStore, type SessionStore } from 'nestjs-keycard';
import { join } from 'node:path';

const { SESSION_STORE = 'file', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;
const { PG_URL = 'postgres://postgres@127.0.0.1:5432/postgres', MONGO_URL = 'mongodb://127.0.0.1:27017/test' } =
  process.env;

interface Choice {
  /** For people: no password in it. */
  readonly label: string;
  create(): SessionStore | Promise<SessionStore>;
}

/** The drivers are optional, so a store is imported where it is chosen and not before. */
const choices: Readonly<Record<string, Choice>> = {
  memory: { label: 'MemoryStore (gone when the process ends)', create: () => new MemoryStore() },
  file: {
    label: 'FileStore (the folder sample/01-login/.sessions)',
    create: () => new FileStore({ path: join(import.meta.dirname, '..', '..', '.sessions') }),
  },
  redis: {
    label: `RedisStore (${hostOf(REDIS_URL)})`,
    create: async () => new (await import('nestjs-keycard/redis')).RedisStore({ url: REDIS_URL }),
  },
  postgres: {
    label: `PostgresStore (${hostOf(PG_URL)})`,
    create: async () => new (await import('nestjs-keycard/postgres')).PostgresStore({ connectionString: PG_URL }),
  },
  mongo: {
    label: `MongoStore (${hostOf(MONGO_URL)})`,
    create: async () => new (await import('nestjs-keycard/mongo')).MongoStore({ url: MONGO_URL }),
  },
};

/** The store that `SESSION_STORE` names: `memory`, `file` (the default), `redis`, `postgres` or `mongo`. */
export function createStore(): SessionStore | Promise<SessionStore> {
  return chosen().create();
}

/** What the pages say about it. */
export function storeLabel(): string {
  return chosen().label;
}

function chosen(): Choice {
  const choice = Object.hasOwn(choices, SESSION_STORE) ? choices[SESSION_STORE] : undefined;
  if (choice === undefined) {
    throw new Error(`SESSION_STORE is "${SESSION_STORE}"; it takes ${Object.keys(choices).join(', ')}.`);
  }
  return choice;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the given address';
}

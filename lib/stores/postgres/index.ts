export { PostgresStore } from './postgres.store.js';
export type { PostgresDuration, PostgresStoreOptions } from './postgres-options.js';
export type { PostgresClient, PostgresQuery, PostgresResult } from './postgres-client.js';

import type { PrivateServer } from './process.mjs';

export declare function findPostgresBin(): string | undefined;
/** `settings` go to `postgres -c name=value`. */
export declare function startPostgres(options?: { settings?: Record<string, string | number> }): Promise<PrivateServer>;
export declare function answers(connectionString: string): Promise<void>;

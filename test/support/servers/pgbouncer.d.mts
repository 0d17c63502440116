import type { PrivateServer } from './process.mjs';

export declare function findPgBouncer(): string | undefined;
/** `postgres`: a URL or a server. `poolSize`: server connections, default 4. */
export declare function startPgBouncer(
  postgres: string | { url: string },
  options?: { poolSize?: number },
): Promise<PrivateServer>;

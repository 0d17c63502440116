export type ServerName = 'redis' | 'redis-cluster' | 'postgres' | 'pgbouncer' | 'mongo' | 'browser';

/** What `start` gives; more for those that have their own `start…` function. */
export interface StartedServer {
  readonly name: string;
  readonly url: string;
  readonly pids: number[];
  stop(): Promise<void>;
}

export interface CatalogEntry {
  /** The environment variable that names a server to be used as it is. */
  env: string;
  /** Finds the program that starts a private one. */
  program: () => string | undefined;
  /** The environment variable that names this program. */
  programEnv: string;
  /** The server this one is put in front of; its URL is given to `start`. */
  needs?: ServerName;
  /** Absent where the program itself is what tests need (browser). */
  start?: (neededUrl?: string) => Promise<StartedServer>;
  /** The Debian package that brings the program. */
  debian?: string;
  /** Gives a function that builds the program, where this machine can. */
  build?: () => (() => Promise<string>) | undefined;
  /** The Debian packages that `build` needs. */
  buildTools?: string[];
}

export type Whereabouts =
  { from: 'env' | 'program'; at: string; missing?: undefined } | { missing: string; from?: undefined; at?: undefined };

export declare const catalog: Record<ServerName, CatalogEntry>;
export declare const serverNames: ServerName[];
export declare function lookUp(name: ServerName, options?: { program?: boolean }): Whereabouts;
export declare function requiredServers(text?: string): ServerName[];

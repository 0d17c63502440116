import type { ServerName } from './catalog.mjs';

export interface Provision {
  provided: { name: ServerName; url: string; how: string }[];
  missing: { name: ServerName; reason: string }[];
  /** `REDIS_URL` and the like, and the paths of the programs, for what was provided. */
  env: Record<string, string>;
  /** Stops what was started here; what was given is left alone. */
  stop(): Promise<void>;
}

/** `install: false` leaves the machine as it is. */
export declare function provision(options?: { names?: ServerName[]; install?: boolean }): Promise<Provision>;

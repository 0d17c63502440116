/**
 * Real servers for specs. A server comes from its environment variable (`REDIS_URL`, `PG_URL`, `MONGO_URL`, …), else
 * from a program on this machine: the first spec that asks has it started, the others of the run share it, and the end
 * of the run ends it (`npm test`: Redis takes 50 ms, PostgreSQL under a second, a cluster five). Where there is
 * neither, the block is skipped and says so; where `KEYCARD_REQUIRE` names the server, it fails instead.
 * Specs run in parallel on one server: name what you make there with `uniqueName()`.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, it } from '@jest/globals';
import { lookUp, requiredServers } from './catalog.mjs';
import type { ServerName } from './catalog.mjs';

export interface SharedServer {
  readonly name: ServerName;
  /** Set once `beforeAll` has run: read it in hooks and tests. For the browser: the path of the program. */
  readonly url: string;
  /** `url` split at commas: the nodes of a cluster as `host:port`. */
  readonly urls: string[];
  /** The same for clients that take objects: host and port of each. */
  readonly addresses: { host: string; port: number }[];
}

/** The URL of a server that this run shares. @throws where it is missing or doesn't start. */
export async function serverFor(name: ServerName): Promise<string> {
  const found = lookUp(name);
  if (found.from === 'env') return found.at;
  const broker = process.env.KEYCARD_BROKER;
  if (!broker) throw new Error('serverFor() needs the globalSetup of jest.config.mjs.');
  const reply = await fetch(`${broker}/${name}`);
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return text;
}

/** A `describe` that needs a server of this run. It's shared: leave it running and as it was. */
export function describeWithServer(name: ServerName, body: (server: SharedServer) => void, title: string = name): void {
  describeNeeding(name, title, () => {
    let url: string | undefined;
    const server: SharedServer = {
      name,
      get url() {
        if (url === undefined) throw new Error(`The URL of ${name} is known once beforeAll has run.`);
        return url;
      },
      get urls() {
        return this.url.split(',');
      },
      get addresses() {
        return this.urls.map((one) => addressOf(one));
      },
    };
    beforeAll(async () => {
      url = await serverFor(name);
    }, 60_000);
    body(server);
  });
}

/**
 * A `describe` whose tests start servers of their own (`startRedis()`, `startPostgres()`, …) to stop, freeze or kill:
 * it needs the program, whatever the environment names.
 */
export function describeWithProgram(name: ServerName, body: () => void, title: string = name): void {
  describeNeeding(name, title, body, true);
}

/** A `describe` for what is too slow for `npm test`; `npm run test:all` runs it. */
export function describeInFullRun(title: string, body: () => void): void {
  if (process.env.KEYCARD_FULL_RUN === '1') describe(title, body);
  else describe.skip(`${title} [skipped: runs in npm run test:all]`, body);
}

/** A name that no other spec or run uses; fit for a key prefix, an SQL identifier, a database, a collection. */
export function uniqueName(stem = 'test'): string {
  return `${stem}_${randomBytes(6).toString('hex')}`;
}

function describeNeeding(name: ServerName, title: string, body: () => void, program = false): void {
  const missing = lookUp(name, { program }).missing;
  if (missing === undefined) {
    describe(title, body);
  } else if (requiredServers().includes(name)) {
    describe(title, () => {
      it(`has ${name}, which KEYCARD_REQUIRE names`, () => {
        throw new Error(`${name} is missing: ${missing}.`);
      });
    });
  } else {
    describe.skip(`${title} [skipped: ${name} is missing: ${missing}]`, body);
  }
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url.includes('://') ? url : `tcp://${url}`);
  return { host: hostname, port: Number(port) };
}

import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { randomDraws } from './scheduler.js';

/** A session as a handler has it. */
export interface SimulatedSession {
  readonly id: string;
  readonly cookie: { maxAge: number | null; originalMaxAge: number | null };
  readonly info: {
    readonly isNew: boolean;
    readonly principal: string | undefined;
    readonly createdAt: Date;
    readonly authenticatedAt: Date | undefined;
    readonly handle: string;
  };
  save(): Promise<void>;
  reload(): Promise<void>;
  regenerate(): Promise<SimulatedSession>;
  renew(): Promise<void>;
  destroy(): Promise<void>;
  logout(): Promise<void>;
  touch(): unknown;
  login(principal: string, data?: Record<string, unknown>): Promise<void>;
  confirmLogin(): Promise<void>;
  update(fn: (draft: Record<string, unknown>) => unknown): Promise<void>;
  [key: string]: unknown;
}

/** A request that the engine has put a session on. */
export type SimulatedRequest = IncomingMessage & { session?: SimulatedSession | null | undefined };

export interface SimulatedRegistry {
  find(id: string): Promise<{ handle: string } | undefined>;
  open(id: string): Promise<SimulatedSession | undefined>;
  list(query: { principal?: string }): Promise<{ sessions: { handle: string }[] }>;
  count(query: { principal?: string }): Promise<number>;
  revoke(handle: string, options: { principal?: string }): Promise<boolean>;
  revokeAll(principal: string, options: { except?: string }): Promise<number>;
  reindex(): Promise<number>;
}

/** The engine of one process. */
export interface Engine {
  /** What the lifecycle middleware does. */
  begin(req: IncomingMessage, res: ServerResponse, next: () => void): void;
  /** What `@Session()` does first: with `load: 'lazy'` it reads the session. */
  open(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** The session guard: whether it lets in. Rejects if it could not tell. */
  guard(req: IncomingMessage, res: ServerResponse): Promise<boolean>;
  readonly registry: SimulatedRegistry;
}

/** A build of lib/. */
export interface EngineBuild {
  create(options: object, store: object): Engine;
  storeError(code: string, message: string): Error;
  /** Brings the module's pool of random bytes to a known state, so that a run depends on its seed alone. */
  resetRandomness(): void;
}

interface LiveRequest {
  open(): Promise<void> | undefined;
}

type BeginArguments = [req: IncomingMessage, res: ServerResponse, next: () => void];

interface Modules {
  'index.js': {
    SessionGuard: new () => { canActivate(context: unknown): Promise<boolean> };
    SessionStoreError: new (code: string, message: string) => Error;
  };
  'nest/session.registry.js': { SessionRegistry: new (manager: unknown) => SimulatedRegistry };
  'session-manager.js': { SessionManager: new (options: unknown, store: unknown) => object };
  'options/resolve-options.js': { resolveOptions(options: object): unknown };
  'transports/http/lifecycle.js': {
    beginSession(manager: object, ...request: BeginArguments | [facts: object, ...BeginArguments]): void;
    sessionOf(req: IncomingMessage): LiveRequest | undefined;
  };
  'common/session-id.js': { newHandle(): string };
}

/** Where they stood up to 2026-11, when the engine was one flat folder: `--lib` may name such a checkout. */
const formerly: Partial<Record<keyof Modules, string>> = {
  'nest/session.registry.js': 'session.registry.js',
  'session-manager.js': 'engine/session-manager.js',
  'options/resolve-options.js': 'engine/resolve-options.js',
  'transports/http/lifecycle.js': 'engine/lifecycle.js',
  'common/session-id.js': 'engine/session-id.js',
};

/** What a framework says of each request. */
const origin = { secure: true, ip: '127.0.0.1' };
/** The same, as builds up to 2026-11 took it: in place of the request's own properties. */
const formerFacts = { isSecure: () => origin.secure, ip: () => origin.ip };

/** Loads a compiled lib/. The one place of the simulator that knows how lib/ is laid out. */
export async function loadEngine(lib: string): Promise<EngineBuild> {
  const load = async <K extends keyof Modules>(name: K): Promise<Modules[K]> =>
    (await import(pathToFileURL(join(lib, existsSync(join(lib, name)) ? name : formerly[name]!)).href)) as Modules[K];
  const { SessionGuard, SessionStoreError } = await load('index.js');
  const { SessionRegistry } = await load('nest/session.registry.js');
  const { SessionManager } = await load('session-manager.js');
  const { resolveOptions } = await load('options/resolve-options.js');
  const { beginSession, sessionOf } = await load('transports/http/lifecycle.js');
  const { newHandle } = await load('common/session-id.js');

  class Routes {
    handler(): void {}
  }
  const contextOf = (req: IncomingMessage, res: ServerResponse) => ({
    getHandler: () => Routes.prototype.handler,
    getClass: () => Routes,
    getType: () => 'http',
    switchToHttp: () => ({ getRequest: () => req, getResponse: () => res }),
  });

  return {
    storeError: (code, message) => new SessionStoreError(code, message),
    resetRandomness() {
      const before = randomDraws();
      while (randomDraws() === before) newHandle();
    },
    create(options, store) {
      const manager = new SessionManager(resolveOptions(options), store);
      const guard = new SessionGuard();
      return {
        registry: new SessionRegistry(manager),
        begin: (req, res, next) =>
          beginSession.length === 5
            ? beginSession(manager, formerFacts, req, res, next)
            : beginSession(manager, Object.assign(req, origin), res, next),
        open: async (req) => sessionOf(req)?.open(),
        async guard(req, res) {
          try {
            return await guard.canActivate(contextOf(req, res));
          } catch (error) {
            if ((error as { getStatus?(): number }).getStatus?.() === 401) return false;
            throw error;
          }
        },
      };
    },
  };
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import express, { type Express } from 'express';
import { afterEach } from '@jest/globals';
import ours from 'nestjs-keycard/express';
import { Jar } from './app.js';

export type SessionFactory = typeof ours;

/** express-session itself. */
export const peer = createRequire(import.meta.url)('express-session') as SessionFactory;

/** For `describe.each`: what is shown here of ours holds for express-session too. */
export const both: readonly (readonly [string, SessionFactory])[] = [
  ['express-session', peer],
  ['nestjs-keycard/express', ours],
];

/** A request as these tests see it, whoever gave it its session. */
export interface Req extends IncomingMessage {
  session: LiveSession;
  sessionID: string;
  sessionStore: LiveStore;
  originalUrl: string;
  path: string;
  query: Record<string, string>;
}
export interface LiveSession {
  [key: string]: unknown;
  id: string;
  req: { sessionID: string };
  cookie: LiveCookie;
  save(callback?: (error?: unknown) => void): LiveSession;
  reload(callback: (error?: unknown) => void): LiveSession;
  destroy(callback?: (error?: unknown) => void): LiveSession;
  regenerate(callback?: (error?: unknown) => void): LiveSession;
  touch(): LiveSession;
  resetMaxAge(): LiveSession;
}
export interface LiveCookie {
  expires: Date | null | false;
  maxAge: number | null;
  originalMaxAge: number | null;
  secure?: unknown;
  path?: string;
  serialize(name: string, value: string): string;
  data: Record<string, unknown>;
  toJSON(): Record<string, unknown>;
}
export interface LiveStore {
  generate(req: object): void;
  regenerate(req: object, callback: (error?: unknown) => void): void;
  load(sid: string, callback: (error?: unknown, session?: LiveSession) => void): void;
  createSession(req: object, session: object): LiveSession;
  get(sid: string, callback: (error?: unknown, session?: Record<string, unknown> | null) => void): void;
}

export type Handler = (req: Req, res: ServerResponse, next: (error?: unknown) => void) => void;

export interface Served {
  readonly url: string;
  readonly jar: Jar;
  /** What reached the error handler. */
  readonly errors: unknown[];
  readonly warnings: string[];
  get(path?: string, init?: RequestInit): Promise<Response>;
  text(path?: string, init?: RequestInit): Promise<string>;
}

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve).closeAllConnections())),
  );
});

/** An Express app with a session and one handler, or as `setup` makes it. The options are on the quiet side where they say nothing. */
export async function serve(
  create: SessionFactory,
  options: object,
  handler: Handler,
  setup: (app: Express) => void = () => undefined,
): Promise<Served> {
  const warnings: string[] = [];
  const errors: unknown[] = [];
  const app = express();
  setup(app);
  const logger = {
    warn: (text: string) => warnings.push(text),
    error: (text: string, cause: unknown) => warnings.push(`${text} ${String(cause)}`),
  };
  const own = create === ours ? { logger } : {};
  app.use(create({ secret: 'keyboard cat', resave: false, saveUninitialized: false, ...own, ...options }) as never);
  app.use(handler as never);
  app.use(((error: Error & { status?: number }, _req: unknown, res: ServerResponse, _next: unknown) => {
    errors.push(error);
    res.statusCode = error.status ?? 500;
    res.end(error.message);
  }) as never);
  return listen(app, errors, warnings);
}

export async function listen(app: Express, errors: unknown[] = [], warnings: string[] = []): Promise<Served> {
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const jar = new Jar();
  const get = (path = '/', init: RequestInit = {}) => jar.fetch(`${url}${path}`, init);
  return { url, jar, errors, warnings, get, text: async (path, init) => (await get(path, init)).text() };
}

/** The id in a Set-Cookie or Cookie value. */
export const idIn = (cookie: string | undefined): string | undefined => /s%3A([^.]+)\./.exec(cookie ?? '')?.[1];

/** Attributes of a Set-Cookie header. */
export function attributes(setCookie: string | undefined): Record<string, string | true> {
  return Object.fromEntries(
    (setCookie ?? '')
      .split('; ')
      .slice(1)
      .map((each) => {
        const at = each.indexOf('=');
        return at === -1 ? [each, true] : [each.slice(0, at), each.slice(at + 1)];
      }),
  );
}

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import express, { type Request, type Response } from 'express';
import type { SessionOptions as PeerOptions, Store as PeerStore } from 'express-session';

const expressSession = createRequire(import.meta.url)('express-session') as (
  options: PeerOptions,
) => express.RequestHandler;

export const SHORT_SECRET = 'keyboard cat';

type PeerSession = Record<string, unknown> & {
  regenerate(done: (error?: unknown) => void): void;
  destroy(done: (error?: unknown) => void): void;
};
type Route = (session: PeerSession, body: Record<string, unknown>, req: Request) => unknown;

const promised = (call: (done: (error?: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error ? reject(error as Error) : resolve())));

/** What an app on express-session does with its sessions. */
const routes: Record<string, Route> = {
  me: (session) => {
    const { cookie: _cookie, ...data } = session;
    return data;
  },
  set: (session, body) => Object.assign(session, body),
  add: (session, { item }) => (session['cart'] = [...((session['cart'] ?? []) as unknown[]), item]),
  delete: (session, { key }) => delete session[key as string],
  login: async (session, body, req) => {
    await promised((done) => session.regenerate(done));
    Object.assign(req.session, body);
  },
  logout: (session) => promised((done) => session.destroy(done)),
};

export interface PeerApp {
  readonly url: string;
  close(): Promise<void>;
}

/** An Express app with express-session itself, on a store made for it. */
export async function startPeer(store: PeerStore, options: Partial<PeerOptions> = {}): Promise<PeerApp> {
  const app = express();
  app.use(express.json());
  app.use(expressSession({ store, secret: SHORT_SECRET, resave: false, saveUninitialized: false, ...options }));
  app.all('/:route', async (req: Request, res: Response) => {
    const result = await routes[req.params['route'] as string]!(
      req.session as never,
      (req.body ?? {}) as Record<string, unknown>,
      req,
    );
    res.json(result ?? {});
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

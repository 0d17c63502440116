import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { setTimeout as pause } from 'node:timers/promises';

/** What a pane keeps in its session. */
export interface LabSession {
  user?: string;
  croissants?: number;
  report?: string;
  destroy(done: (error?: unknown) => void): unknown;
}

/** One of the two libraries that the lab compares. */
export interface Contender {
  readonly cookieName: string;
  readonly middleware: RequestHandler;
  /** The texts that its store holds, by id. */
  readonly records: () => Readonly<Record<string, string>>;
  /** One croissant more, as an app of this library writes it. */
  addCroissant(session: LabSession): Promise<void> | void;
}

/** How long a handler is at work, as if it asked a database. */
const WORK_MS = 15;
const SLOW_MS = 1_200;

/** The same small app for either library. */
export function contenderApp({ cookieName, middleware, records, addCroissant }: Contender): Router {
  const cookie = new RegExp(`(?:^|;\\s*)${cookieName}=s%3A([^.;]+)`);
  const state = (req: Request) => {
    const id = cookie.exec(req.headers.cookie ?? '')?.[1];
    const { user, croissants = 0 } = sessionOf(req) ?? {};
    return { user: user ?? null, croissants, record: (id && records()[id]) ?? null };
  };
  const app = Router().use(middleware);
  app.post('/login', (req, res) => {
    Object.assign(sessionOf(req)!, { user: 'Ada', croissants: 0 });
    res.json({});
  });
  app.post(
    '/croissant',
    handled(async (req) => {
      await pause(Math.random() * WORK_MS);
      await addCroissant(sessionOf(req)!);
      await pause(Math.random() * WORK_MS);
    }),
  );
  app.post(
    '/slow-report',
    handled(async (req) => {
      await pause(SLOW_MS);
      const session = sessionOf(req);
      if (session) session.report = 'made';
    }),
  );
  app.post('/logout', (req, res, next) => {
    sessionOf(req)?.destroy((error) => (error ? next(error) : res.json({})));
  });
  app.get('/state', (req, res) => {
    res.json(state(req));
  });
  return app;
}

const sessionOf = (req: Request): LabSession | undefined => (req as Request & { session?: LabSession }).session;

function handled(work: (req: Request) => Promise<void>): RequestHandler {
  return (req: Request, res: Response, next: NextFunction) => {
    work(req).then(() => res.json({}), next);
  };
}

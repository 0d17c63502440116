/** What is defined on each request and response before Express sets their prototypes, on routes with and without a session. */
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Controller, Get, type INestApplication, Req, Res, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from '@jest/globals';
import compression from 'compression';
import express, { type NextFunction, type Request, type Response } from 'express';
import expressSession from 'express-session';
import { MemoryStore, SkipSession } from 'nestjs-keycard';
import { Jar, startApp, type TestApp } from '../../support/app.js';

type WithSession = Request & { session?: { n?: number } | null; sessionID?: unknown; sessionStore?: unknown };

@Controller()
class CountController {
  @Get('count')
  count(@Req() req: WithSession) {
    return { n: (req.session!.n = (req.session!.n ?? 0) + 1) };
  }

  @Get('names')
  names(@Req() req: WithSession, @Res({ passthrough: true }) res: Response) {
    return { req: Object.keys(req), res: Object.keys(res) };
  }

  /** The response as some wrappers hand it on. */
  @Get('made')
  made(@Req() req: WithSession, @Res() res: Response) {
    req.session!.n = 41;
    (Object.create(res) as ServerResponse).end('made');
  }

  @Get('given')
  given(@Req() req: WithSession) {
    const said: string[] = [];
    for (const name of ['session', 'sessionID', 'sessionStore'] as const)
      try {
        (req as unknown as Record<string, unknown>)[name] = 'x';
      } catch (error) {
        said.push(`${(error as Error).name}: ${(error as Error).message.split(';')[0]}`);
      }
    return said;
  }

  @Get('skipped')
  @SkipSession()
  skipped(@Req() req: WithSession) {
    const before = [req.session, req.sessionID, req.sessionStore];
    Object.assign(req, { session: { n: 7 }, sessionID: 'id', sessionStore: 'store' });
    return [before, req.session, req.sessionID, req.sessionStore];
  }

  @Get('legacy/count')
  @SkipSession()
  legacy(@Req() req: WithSession) {
    return { n: (req.session!.n = (req.session!.n ?? 0) + 1) };
  }
}

const onHeaders = createRequire(import.meta.url)('on-headers') as (res: Response, act: () => void) => void;
let server: TestApp | undefined;
const start = async (before?: (app: INestApplication) => void, options = {}, adapter?: ExpressAdapter) =>
  (server = await startApp(
    [CountController] as Type[],
    { store: new MemoryStore(), ...options },
    { ...(before && { before }), ...(adapter && { adapter }) },
  ));
afterEach(async () => {
  await server?.app.close();
  server = undefined;
});
const json = async (jar: Jar, path: string) => (await jar.fetch(`${server!.url}/${path}`)).json();

describe('properties that are there before Express', () => {
  it('#12.2 stand before those that Express adds, as V8 up to Node 22 gives an object its own hidden class for each later one', async () => {
    await start();
    const { req, res } = (await json(new Jar(), 'names')) as { req: string[]; res: string[] };
    expect(req.indexOf('session')).toBeGreaterThan(-1);
    expect(Math.max(...['session', 'sessionID', 'sessionStore'].map((name) => req.indexOf(name)))).toBeLessThan(
      req.indexOf('next'),
    );
    expect(Math.max(...['writeHead', 'write', 'end', 'flushHeaders'].map((name) => res.indexOf(name)))).toBeLessThan(
      res.indexOf('locals'),
    );
  });

  it('#12.2 are nothing on a route without a session, and may be assigned there', async () => {
    await start();
    expect(await json(new Jar(), 'skipped')).toEqual([[null, null, null], { n: 7 }, 'id', 'store']);
  });

  it('#12.2 leave a route without a session to express-session', async () => {
    const peer = expressSession({ secret: 'x', resave: false, saveUninitialized: true, name: 'peer' });
    await start((app) => app.use('/legacy', peer));
    const jar = new Jar();
    expect(await json(jar, 'legacy/count')).toEqual({ n: 1 });
    expect(await json(jar, 'legacy/count')).toEqual({ n: 2 });
    expect([...jar.cookies.keys()]).toEqual(['peer']);
    expect(await json(jar, 'count')).toEqual({ n: 1 });
    expect(await json(jar, 'count')).toEqual({ n: 2 });
  });

  it('#12.2 are read-only if there is a session, and say so', async () => {
    await start();
    expect(await json(new Jar(), 'given')).toEqual([
      'TypeError: req.session got "x"',
      'TypeError: req.sessionID got "x"',
      'TypeError: req.sessionStore got "x"',
    ]);
  });

  it('#12.2 a response that was made of the held one waits for the session', async () => {
    await start();
    const jar = new Jar();
    expect(await (await jar.fetch(`${server!.url}/made`)).text()).toBe('made');
    expect(await json(jar, 'count')).toEqual({ n: 42 });
  });

  it.each([
    ['compression', compression({ threshold: 0 })],
    [
      'on-headers',
      (_req: Request, res: Response, next: NextFunction) => {
        onHeaders(res, () => void res.setHeader('X-Late', 'yes'));
        next();
      },
    ],
    [
      "a wrapper of the app's",
      (_req: Request, res: Response, next: NextFunction) => {
        const { end, write, writeHead } = res;
        res.end = function (this: Response, ...args: never[]) {
          return (end as (...all: unknown[]) => Response).apply(this, args);
        } as never;
        res.write = function (this: Response, ...args: never[]) {
          return (write as (...all: unknown[]) => boolean).apply(this, args);
        } as never;
        res.writeHead = function (this: Response, ...args: never[]) {
          return (writeHead as (...all: unknown[]) => Response).apply(this, args);
        } as never;
        next();
      },
    ],
  ])('#12.2 %s that was there before the session middleware works', async (name, middleware) => {
    const outer = express();
    outer.use(middleware);
    await start(undefined, {}, new ExpressAdapter(outer));
    const jar = new Jar();
    expect(await json(jar, 'count')).toEqual({ n: 1 });
    const answer = await jar.fetch(`${server!.url}/count`);
    expect(await answer.json()).toEqual({ n: 2 });
    expect([answer.headers.get('content-encoding'), answer.headers.get('x-late')]).toEqual([
      name === 'compression' ? expect.any(String) : null,
      name === 'on-headers' ? 'yes' : null,
    ]);
  });

  it.each(['session', 'sessionID', 'sessionStore'])(
    '#12.2 req.%s that an outer app has assigned gives way',
    async (name) => {
      const outer = express();
      outer.use((req: Request, _res: Response, next: NextFunction) => {
        Object.assign(req, { [name]: 'theirs' });
        next();
      });
      await start(undefined, {}, new ExpressAdapter(outer));
      const jar = new Jar();
      expect(await json(jar, 'given')).toHaveLength(3);
      expect(await json(jar, 'count')).toEqual({ n: 1 });
      expect(await json(jar, 'count')).toEqual({ n: 2 });
    },
  );

  it("#12.2 what an app has put on Express's own prototype is called", async () => {
    const outer = express();
    const ends: number[] = [];
    const { end } = outer.response;
    outer.response.end = function (this: Response, ...args: never[]) {
      ends.push(1);
      return (end as (...all: unknown[]) => Response).apply(this, args);
    } as never;
    await start(undefined, {}, new ExpressAdapter(outer));
    const jar = new Jar();
    expect(await json(jar, 'count')).toEqual({ n: 1 });
    await json(jar, 'skipped');
    expect(ends).toHaveLength(2);
  });
});

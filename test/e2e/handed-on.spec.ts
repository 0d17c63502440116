import { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from '@jest/globals';
import express, { type Request, type Response } from 'express';
import { MemoryStore, Session, SessionModule } from 'nestjs-keycard';
import { Jar, SECRET, startApp, type TestApp } from '../support/app.js';

type WithSession = Request & { session: Record<string, unknown> };

@Controller()
class HandedOnController {
  @Get('inner')
  inner(@Session() session: Session) {
    return { n: session['n'] ?? null };
  }

  /** As a batch route does: the request goes through the app once more, with a response that nobody sends. */
  @Get('batch')
  async batch(@Req() req: WithSession, @Res() res: Response) {
    req.session['n'] = 1;
    const bytes: Buffer[] = [];
    const second = new ServerResponse(req);
    second.write = ((chunk: Buffer) => bytes.push(Buffer.from(chunk)) > 0) as never;
    req.url = req.originalUrl = '/inner';
    await new Promise<void>((resolve) => {
      second.end = ((chunk?: string) => {
        if (chunk) bytes.push(Buffer.from(chunk));
        ServerResponse.prototype.end.call(second, chunk as never, 'utf8');
        resolve();
      }) as never;
      (req.app as unknown as (req: Request, res: ServerResponse) => void)(req, second);
    });
    req.session['after'] = 'kept';
    res.json({ inner: Buffer.concat(bytes).toString() });
  }

  @Get('seen')
  seen(@Req() req: WithSession) {
    return { n: req.session['n'] ?? null, after: req.session['after'] ?? null };
  }

  @Get('write')
  write(@Session() session: Session) {
    session['n'] = 2;
    return {};
  }

  @Get('logged')
  logged(@Req() req: WithSession, @Session() session: Session) {
    session['n'] = 3;
    return { text: inspect(req, { depth: 12, showHidden: true }) };
  }
}

describe('a request that is handed on', () => {
  let server: TestApp;
  afterEach(() => server.close());

  it.each(['eager', 'lazy'] as const)(
    'with another response: what its own response is to save is saved (load: %s)',
    async (load) => {
      server = await startApp([HandedOnController], { store: new MemoryStore(), load });
      const jar = new Jar();
      await jar.fetch(`${server.url}/write`);
      if (load === 'eager') {
        expect(await (await jar.fetch(`${server.url}/batch`)).json()).toEqual({ inner: '{"n":1}' });
        expect(await (await jar.fetch(`${server.url}/seen`)).json()).toEqual({ n: 1, after: 'kept' });
      } else expect(await (await jar.fetch(`${server.url}/inner`)).json()).toEqual({ n: 2 });
    },
  );

  it.each(['eager', 'lazy'] as const)(
    'through another Express app that is called and not mounted: it is saved, or refused, and never lost without a word (load: %s)',
    async (load) => {
      server = await startApp(
        [HandedOnController],
        { store: new MemoryStore(), load },
        {
          before: (app) => {
            const foreign = express();
            app.use((req: Request, res: Response, next: () => void) => foreign(req, res, next));
          },
        },
      );
      const jar = new Jar();
      const answer = await jar.fetch(`${server.url}/write`);
      if (answer.status === 200) expect(await (await jar.fetch(`${server.url}/inner`)).json()).toEqual({ n: 2 });
      else expect(answer.status).toBe(500);
      expect(answer.status).toBe(load === 'eager' ? 200 : 500);
    },
  );

  it.each(['eager', 'lazy'] as const)('to a log shows neither the secret nor its id (load: %s)', async (load) => {
    server = await startApp([HandedOnController], { store: new MemoryStore(), load });
    const jar = new Jar();
    await jar.fetch(`${server.url}/write`);
    const { text } = (await (await jar.fetch(`${server.url}/logged`)).json()) as { text: string };
    expect(text).toContain('RequestSession {}');
    expect(text).not.toContain(SECRET);
    // The header itself is the app's to log or not.
    expect(text.replaceAll(/s%3A[^'",;\\]*/g, '')).not.toContain(
      decodeURIComponent(jar.cookies.get('sid')!).slice(2, 34),
    );
  });
});

describe('two Nest apps on one Express', () => {
  it.each(['eager', 'lazy'] as const)('leave the first its sessions (load: %s)', async (load) => {
    const shared = express();
    const apps = [];
    for (const name of ['a', 'b']) {
      @Controller(name)
      class NamedController {
        @Get()
        count(@Session() session: Session) {
          session['n'] = ((session['n'] ?? 0) as number) + 1;
          return { n: session['n'] };
        }
      }
      const root = class {};
      const options = { secret: SECRET, store: new MemoryStore(), load, name: `sid-${name}`, forRoutes: [name] };
      Reflect.defineMetadata('imports', [SessionModule.forRoot(options)], root);
      Reflect.defineMetadata('controllers', [NamedController], root);
      const app = await NestFactory.create(root, new ExpressAdapter(shared), { logger: false });
      await app.init();
      apps.push(app);
    }
    const listener = shared.listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const url = `http://127.0.0.1:${(listener.address() as { port: number }).port}`;
    const jar = new Jar();
    for (const n of [1, 2]) expect(await (await jar.fetch(`${url}/a`)).json()).toEqual({ n });
    expect([...jar.cookies.keys()]).toEqual(['sid-a']);
    listener.close();
    for (const app of apps) await app.close();
  });
});

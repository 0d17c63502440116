import { Controller, Get, Options, Req } from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import session from 'nestjs-keycard/express';
import { MemoryStore } from 'nestjs-keycard';
import { adapterName, describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { type LiveSession, peer, serve } from '../../support/express-app.js';

@Controller()
class Pages {
  @Get()
  page(): string {
    return 'page';
  }

  @Options('mark')
  mark(@Req() req: { session: LiveSession }): string {
    req.session.marked = true;
    return 'marked';
  }
}

const preflight: RequestInit = {
  method: 'OPTIONS',
  headers: { origin: 'https://spa.example', 'access-control-request-method': 'GET' },
};

describe('a CORS preflight, with saveUninitialized: true (#13.27)', () => {
  let app: TestApp | undefined;
  afterEach(() => app?.close());

  it.each([true, false])('makes no session (enableCors: %s)', async (cors) => {
    const store = new MemoryStore();
    app = await startApp(
      [Pages],
      { store, saveUninitialized: true },
      { before: (nest) => void (cors && nest.enableCors({ origin: 'https://spa.example', credentials: true })) },
    );
    const jar = new Jar();
    const answer = await jar.fetch(app.url, preflight);
    expect(answer.headers.get('access-control-allow-origin')).toBe(cors ? 'https://spa.example' : null);
    expect(jar.last).toEqual([]);
    expect(await store.count()).toBe(0);
    // @fastify/cors refuses an OPTIONS that is none, before any middleware.
    const others = cors && adapterName() === 'Fastify' ? [{}] : [{}, { method: 'OPTIONS' }];
    for (const init of others) {
      jar.cookies.clear();
      await jar.fetch(app.url, init);
      expect(jar.last).toHaveLength(1);
    }
    expect(await store.count()).toBe(others.length);
  });

  it('makes one if its handler writes to it', async () => {
    const store = new MemoryStore();
    app = await startApp([Pages], { store, saveUninitialized: true });
    const jar = new Jar();
    await jar.fetch(`${app.url}/mark`, preflight);
    expect(jar.last).toHaveLength(1);
    expect(await store.count()).toBe(1);
  });

  it('makes none with nestjs-keycard/express either; it does with express-session', async () => {
    for (const [create, made] of [
      [peer, 1],
      [session, 0],
    ] as const) {
      const store = new create.MemoryStore();
      const served = await serve(create, { store, saveUninitialized: true }, (_req, res) => void res.end());
      await served.get('/', preflight);
      expect([served.jar.last.length, Object.keys(store.sessions).length]).toEqual([made, made]);
    }
  });
});

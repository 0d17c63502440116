import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, RequireSession, Session, SessionGuard, SessionId } from 'nestjs-keycard';
import { Jar, startApp, type TestApp } from '../support/app.js';
import { ObservedStore } from '../support/observed-store.js';
import { scripted } from '../support/scripted.js';
import { TestClock } from '../support/test-clock.js';

const scripts = scripted({
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  look: (session) => ({ user: session.user ?? null }),
  change: (session) => void (session.views = 1),
  plain: () => 'no session needed',
  express: (_session, req) => String(req.session !== undefined),
});

@Controller('guarded')
class GuardedController {
  @Get()
  @UseGuards(SessionGuard)
  guarded() {
    return 'inside';
  }

  @Get('predicate')
  @RequireSession(() => true, { redirectTo: '/login' })
  predicate() {
    return 'inside';
  }

  @Get('key')
  key(@Session('user' as never) user: unknown) {
    return { user };
  }

  @Get('id')
  id(@SessionId() id: string | undefined) {
    return { id: typeof id };
  }
}

const BODY = {
  statusCode: 503,
  error: 'Service Unavailable',
  message: expect.stringContaining('session store is not available'),
};

describe('a store that', () => {
  let store: ObservedStore;
  let clock: TestClock;
  let server: TestApp;
  let jar: Jar;
  let errors: string[];
  const start = async (options: object = {}): Promise<void> => {
    errors = [];
    clock = new TestClock();
    store = new ObservedStore(new MemoryStore({ clock }));
    const logger = { warn: () => undefined, error: (message: string) => void errors.push(message) };
    server = await startApp(
      [scripts, GuardedController],
      { store, clock, logger, storeTimeout: '150ms', ...options },
      { before: (app) => app.enableCors({ origin: 'https://shop.example', credentials: true }) },
    );
    jar = new Jar();
    await jar.fetch(`${server.url}/s/login`);
    store.forget();
  };
  const visit = (path: string) => jar.fetch(`${server.url}${path}`, { headers: { origin: 'https://shop.example' } });
  const cors = (answer: Response) => [
    answer.headers.get('access-control-allow-origin'),
    answer.headers.get('access-control-allow-credentials'),
    answer.headers.get('vary'),
  ];

  beforeEach(() => start());
  afterEach(() => server.close());

  describe.each([
    [
      'fails',
      () => void (store.failure = new Error('connect ECONNREFUSED 10.1.2.3:6379')),
      () => void (store.failure = undefined),
    ],
    ['hangs', () => void (store.hangs = true), () => void (store.hangs = false)],
  ])('%s', (_, breakIt, mendIt) => {
    it('answers 503 in bounded time with a clear body, and CORS headers, where the session is needed', async () => {
      breakIt();
      for (const path of ['/s/look', '/s/change', '/guarded/key', '/r/express']) {
        const startedAt = performance.now();
        const answer = await visit(path);
        const text = await answer.text();
        expect([path, answer.status, answer.headers.getSetCookie(), cors(answer)]).toEqual([
          path,
          503,
          [],
          ['https://shop.example', 'true', 'Origin'],
        ]);
        expect(text).not.toContain('ECONNREFUSED');
        expect(JSON.parse(text)).toMatchObject(
          path === '/r/express' ? { statusCode: 503, message: BODY.message } : BODY,
        );
        expect(performance.now() - startedAt).toBeLessThan(1_500);
      }
    });

    it('answers 503 to a first change of a visitor without a card, and sets no cookie', async () => {
      breakIt();
      jar = new Jar();
      const answer = await visit('/s/change');
      expect([answer.status, answer.headers.getSetCookie(), cors(answer)]).toEqual([
        503,
        [],
        ['https://shop.example', 'true', 'Origin'],
      ]);
      expect(await answer.json()).toMatchObject(BODY);
    });

    it('leaves routes that need no session, and visitors without a card, as ever', async () => {
      breakIt();
      const plain = await visit('/r/plain');
      expect([plain.status, await plain.text()]).toEqual([200, 'no session needed']);
      jar = new Jar();
      const look = await visit('/s/look');
      expect([look.status, await look.json()]).toEqual([200, { user: null }]);
    });

    it("lets nobody past the guard, which says 503, and doesn't send to the login page", async () => {
      breakIt();
      for (const path of ['/guarded', '/guarded/predicate']) {
        const answer = await visit(path);
        expect([answer.status, answer.headers.get('location'), cors(answer)]).toEqual([
          503,
          null,
          ['https://shop.example', 'true', 'Origin'],
        ]);
        expect(await answer.json()).toMatchObject(BODY);
      }
    });

    it('lets nobody past the guard with onStoreError: anonymous either; elsewhere the session is empty, nothing is written, no cookie set or cleared', async () => {
      await server.close();
      await start({ onStoreError: 'anonymous' });
      breakIt();
      for (const path of ['/guarded', '/guarded/predicate']) expect((await visit(path)).status).toBe(503);
      store.forget();
      const look = await visit('/s/look');
      expect([look.status, await look.json(), look.headers.getSetCookie()]).toEqual([200, { user: null }, []]);
      const change = await visit('/s/change');
      expect([change.status, change.headers.getSetCookie()]).toEqual([200, []]);
      expect(store.names).toEqual(['load', 'load']);
      mendIt();
      expect(await (await visit('/s/look')).json()).toEqual({ user: { name: 'Ann' } });
    });

    it('is used again as soon as it works, with nobody logged out', async () => {
      breakIt();
      expect((await visit('/guarded')).status).toBe(503);
      mendIt();
      expect((await visit('/guarded')).status).toBe(200);
      expect(await (await visit('/s/look')).json()).toEqual({ user: { name: 'Ann' } });
    });
  });

  it('fails only when it saves makes a 503, not a 200 with a lie in it; nothing is half done', async () => {
    store.failure = new Error('disk full');
    store.failing = ['replace', 'create'];
    const answer = await visit('/s/change');
    expect([answer.status, await answer.json(), cors(answer)]).toEqual([
      503,
      BODY,
      ['https://shop.example', 'true', 'Origin'],
    ]);
    expect((await visit('/guarded')).status).toBe(200);
    expect(errors).toEqual(['A session could not be saved.']);
  });

  it('fails only when the idle end is moved fails no request that needed nothing of it', async () => {
    await server.close();
    await start({ cookie: { maxAge: '1d' } });
    clock.advance(3_600_000);
    store.failure = new Error('disk full');
    store.failing = ['replace'];
    const answer = await visit('/s/look');
    expect([answer.status, await answer.json(), answer.headers.getSetCookie(), store.names]).toEqual([
      200,
      { user: { name: 'Ann' } },
      [],
      // The second looks at the principal's revocation mark, as always when a touch is due.
      ['load', 'load', 'replace'],
    ]);
    expect(errors).toEqual(['A session could not be kept alive.']);
  });

  it('fails for many requests is said once a second', async () => {
    store.failure = new Error('down');
    const from = performance.now();
    for (let n = 0; n < 5; n += 1) await visit('/s/look');
    expect(new Set(errors)).toEqual(new Set(['A session could not be loaded.']));
    expect(errors.length).toBeLessThanOrEqual(1 + Math.floor((performance.now() - from) / 1_000));
  });
});

import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type INestApplication,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Response as ExpressResponse } from 'express';
import { MemoryStore, type OnSaveError, RequireSession, Session, SessionGuard, SessionId } from 'nestjs-keycard';
import { adapterName, describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

let breakLoads: () => void;
let breakCreates: () => void;

const scripts = scripted({
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  look: (session) => ({ user: session.user ?? null }),
  change: (session) => void (session.views = 1),
  plain: () => 'no session needed',
  express: (_session, req) => String(req.session !== undefined),
  save: async (session) => {
    session.views = 1;
    await session.save();
  },
  loginTwice: async (session) => {
    await session.login('8', { user: { name: 'Bob' } });
    await session.save();
    breakCreates();
    await session.login('9', { user: { name: 'Cid' } });
  },
  reload: (session) => {
    breakLoads();
    return session.reload();
  },
  caught: (_session, req) => {
    try {
      return req.session;
    } catch {
      return 'caught';
    }
  },
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

/** What an app does with all errors that it doesn't know. */
@Catch()
class EveryFilter implements ExceptionFilter {
  catch(error: { status?: number }, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<ExpressResponse>()
      .status(error.status ?? 500)
      .send('<h1>Back in a moment.</h1>');
  }
}

const silent = { warn: () => undefined, error: () => undefined };
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
    // With one origin only, Fastify's answer doesn't vary.
    adapterName() === 'Fastify' ? 'Origin' : answer.headers.get('vary'),
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
    it('answers 503 in bounded time with a clear body and CORS headers, if the session is needed', async () => {
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
        expect(JSON.parse(text)).toEqual(BODY);
        expect(performance.now() - startedAt).toBeLessThan(1_500);
      }
    });

    it('keeps a login that was saved, if the next one in the same request fails (#11)', async () => {
      breakCreates = () => {
        store.failing = ['create'];
        breakIt();
      };
      const answer = await visit('/s/loginTwice');
      mendIt();
      expect(answer.status).toBe(503);
      expect(await (await visit('/s/look')).json()).toEqual({ user: { name: 'Bob' } });
    });

    it('answers 503 to a first change of a visitor without a cookie, and sets no cookie', async () => {
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

    it('leaves routes that need no session, and visitors without a cookie, as usual', async () => {
      breakIt();
      const plain = await visit('/r/plain');
      expect([plain.status, await plain.text()]).toEqual([200, 'no session needed']);
      jar = new Jar();
      const look = await visit('/s/look');
      expect([look.status, await look.json()]).toEqual([200, { user: null }]);
    });

    it("admits nobody through the guard, which says 503, and doesn't send to the login page", async () => {
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

    it('admits nobody through the guard with onStoreError: anonymous either; elsewhere the session is empty, nothing is written, no cookie set or cleared', async () => {
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

  it('fails is answered in one shape, with one header, wherever it is noticed (#13.21)', async () => {
    const answers: unknown[] = [];
    const ask = async (path: string) => {
      const answer = await visit(path);
      answers.push([answer.headers.get('retry-after'), answer.headers.get('content-type'), await answer.json()]);
    };
    store.failure = new Error('down');
    for (const path of ['/s/look', '/guarded', '/guarded/key', '/r/express', '/s/change']) await ask(path);
    store.failing = ['replace', 'create'];
    for (const path of ['/s/change', '/s/save']) await ask(path);
    expect(answers).toEqual(answers.map(() => ['1', 'application/json; charset=utf-8', BODY]));
    // A verb that fails is not followed by a save.
    store.failure = undefined;
    breakLoads = () => {
      store.failure = new Error('connect ECONNREFUSED 10.1.2.3:6379');
      store.failing = ['load'];
    };
    await ask('/s/reload');
    expect(answers).toEqual(answers.map(() => ['1', 'application/json; charset=utf-8', BODY]));
    // An answer of the app's own is its own.
    store.failing = undefined;
    const caught = await visit('/r/caught');
    expect([caught.status, caught.headers.get('retry-after'), await caught.text()]).toEqual([200, null, 'caught']);
  });

  it.each([
    ['useGlobalFilters()', { before: (app: INestApplication) => app.useGlobalFilters(new EveryFilter()) }],
    ['APP_FILTER', { providers: [{ provide: APP_FILTER, useClass: EveryFilter }] }],
  ])("fails to load is the app's to answer by a filter: %s (#13.21)", async (_, extra) => {
    await server.close();
    store = new ObservedStore(new MemoryStore());
    server = await startApp([scripts, GuardedController], { store, logger: silent }, extra);
    jar = new Jar();
    await jar.fetch(`${server.url}/s/login`);
    store.failure = new Error('down');
    for (const path of ['/s/look', '/guarded', '/guarded/key', '/r/express']) {
      const answer = await visit(path);
      expect([path, answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
        path,
        503,
        '1',
        '<h1>Back in a moment.</h1>',
      ]);
    }
  });

  it('fails to save is answered by onSaveError, if that gives something (#13.21)', async () => {
    const onSaveError = jest.fn<OnSaveError>(({ statusCode, message }, req) => {
      if (req.headers['x-wrong'] !== undefined) return { body: 7 } as never;
      if (req.headers.accept?.includes('text/html') !== true) return undefined;
      return { headers: { 'x-page': 'error', 'retry-after': '30' }, body: `<h1>${statusCode}: ${message}</h1>` };
    });
    await server.close();
    await start({ onSaveError });
    store.failure = new Error('disk full');
    store.failing = ['replace'];
    const ask = async (headers: Record<string, string>) => {
      const answer = await jar.fetch(`${server.url}/s/change`, { headers });
      const of = (name: string) => answer.headers.get(name);
      return [
        answer.status,
        of('content-type'),
        of('cache-control'),
        of('retry-after'),
        of('x-page'),
        await answer.text(),
      ];
    };
    const json = [
      503,
      'application/json; charset=utf-8',
      'no-store',
      '1',
      null,
      '{"statusCode":503,"error":"Service Unavailable","message":"The session store is not available. Please try again."}',
    ];
    expect(await ask({ accept: 'text/html' })).toEqual([
      503,
      'text/html; charset=utf-8',
      'no-store',
      '30',
      'error',
      '<h1>503: The session store is not available. Please try again.</h1>',
    ]);
    expect(await ask({ accept: 'application/json' })).toEqual(json);
    expect(errors).not.toContain('"onSaveError" failed, so the failed save is answered with the default JSON.');
    expect(await ask({ 'x-wrong': '1' })).toEqual(json);
    expect(errors).toContain('"onSaveError" failed, so the failed save is answered with the default JSON.');
    expect(onSaveError.mock.calls[0]![0].error).toMatchObject({ message: expect.stringContaining('disk full') });
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

  it('fails for many requests is logged at most once a second', async () => {
    store.failure = new Error('down');
    const from = performance.now();
    for (let n = 0; n < 5; n += 1) await visit('/s/look');
    expect(new Set(errors)).toEqual(new Set(['A session could not be loaded.']));
    expect(errors.length).toBeLessThanOrEqual(1 + Math.floor((performance.now() - from) / 1_000));
  });
});

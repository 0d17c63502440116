import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore, Session, SessionGuard, SessionId } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { nodeRequest } from '../../support/express-like.js';
import { scripted } from '../../support/scripted.js';

const scripts = scripted({
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  change: (session) => void (session.views = 1),
  plain: () => 'plain',
  none: (_session, req) => typeof req.session,
  deleted: (session, req) => {
    session.views = 2;
    delete nodeRequest(req).session;
  },
});

@Controller('lazy')
class LazyController {
  @Get('guard')
  @UseGuards(SessionGuard)
  guard(@Req() req: { session: { user: object } }) {
    return req.session.user;
  }

  @Get('key')
  key(@Session('user' as never) user: object) {
    return user;
  }

  @Get('id')
  id(@SessionId() id: string) {
    return { length: id.length };
  }

  @Get('request')
  request(@Req() req: { session: unknown }) {
    try {
      return { session: typeof req.session };
    } catch (error) {
      return {
        name: (error as Error).name,
        code: (error as { code?: string }).code,
        message: (error as Error).message,
      };
    }
  }

  @Get('thrown')
  thrown(@Req() req: { session: { user: unknown } }) {
    return req.session.user;
  }
}

describe('load: lazy', () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  const visit = async (path: string): Promise<Response> => {
    store.forget();
    return jar.fetch(`${server.url}${path}`);
  };
  beforeEach(async () => {
    store = new ObservedStore(new MemoryStore());
    server = await startApp([scripts, LazyController], { store, load: 'lazy' });
    jar = new Jar();
    await visit('/s/login');
  });
  afterEach(() => server.close());

  it('costs no store call if nothing asks for the session', async () => {
    expect(await (await visit('/r/plain')).text()).toBe('plain');
    expect([store.names, jar.last]).toEqual([[], []]);
  });

  it.each([
    ['/lazy/guard', { name: 'Ann' }],
    ['/lazy/key', { name: 'Ann' }],
    ['/lazy/id', { length: 32 }],
  ])('is opened, once, by what asks: %s', async (path, body) => {
    const answer = await visit(path);
    expect([answer.status, await answer.json(), store.names]).toEqual([200, body, ['load']]);
  });

  it('is committed if it was opened', async () => {
    expect([(await visit('/s/change')).status, store.names]).toEqual([200, ['load', 'replace']]);
  });

  it('throws a clear error on req.session before that', async () => {
    expect(await (await visit('/lazy/request')).json()).toEqual({
      name: 'SessionStateError',
      code: 'NOT_LOADED',
      message: expect.stringContaining("with load: 'lazy' it is there once a decorator or a guard has asked for it"),
    });
    const thrown = await visit('/lazy/thrown');
    expect([thrown.status, store.names]).toEqual([500, []]);
  });

  it('answers 503 if it is asked for and the store fails', async () => {
    store.failure = new Error('down');
    for (const path of ['/lazy/guard', '/lazy/key', '/lazy/id', '/s/change'])
      expect([path, (await visit(path)).status]).toEqual([path, 503]);
    expect((await visit('/r/plain')).status).toBe(200);
  });

  it('is none on a route that is left out', async () => {
    const other = await startApp([scripts], { store, load: 'lazy', exclude: ['r/none'] });
    expect(await (await jar.fetch(`${other.url}/r/none`)).text()).toBe('undefined');
    expect((await jar.fetch(`${other.url}/s/change`)).status).toBe(200);
    await other.close();
  });

  it('is ended by deleting it, with unset: destroy', async () => {
    const other = await startApp([scripts], { store, load: 'lazy', unset: 'destroy' });
    expect((await jar.fetch(`${other.url}/s/deleted`)).status).toBe(200);
    await other.close();
    expect((await visit('/lazy/guard')).status).toBe(401);
  });
});

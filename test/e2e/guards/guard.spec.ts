import { APP_GUARD } from '@nestjs/core';
import { Controller, type ExecutionContext, Get, Post, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Public, RequireRecentLogin, RequireSession, SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, scripted } from '../../support/scripted.js';

const role = (name: string) => (session: unknown) => (session as AnySession).user?.role === name;

const scripts = scripted({
  login: (session) => session.login('7', { user: { name: 'Ann', role: 'editor' } }),
  loginByHand: (session) => void (session.user = { name: 'Ann' }),
  loginFalsy: (session) => void (session.user = 0),
  passport: (session) => void (session.passport = { user: 7 }),
  cart: (session) => void (session.cart = ['book']),
});

@Controller('g')
class GuardedController {
  @Get('plain')
  @UseGuards(SessionGuard)
  plain() {
    return 'inside';
  }
  @Get('editor')
  @RequireSession(role('editor'))
  editor() {
    return 'inside';
  }
  @Get('admin')
  @RequireSession(role('admin'))
  admin() {
    return 'inside';
  }
  @Get('cart')
  @RequireSession((session) => Array.isArray((session as unknown as AnySession).cart), { guests: true })
  cart() {
    return 'inside';
  }
  @Get('async')
  @RequireSession(async (session) => Promise.resolve(role('editor')(session)))
  async() {
    return 'inside';
  }
  @Get('throws')
  @RequireSession(() => {
    throw new Error('oops');
  })
  throws() {
    return 'inside';
  }
  @Get('rejects')
  @RequireSession(() => Promise.reject(new Error('oops')))
  rejects() {
    return 'inside';
  }
  @Get('page')
  @RequireSession({ redirectTo: '/login?next=%2Fg%2Fpage' })
  page() {
    return 'inside';
  }
  @Post('page')
  @RequireSession({ redirectTo: '/login' })
  form() {
    return 'inside';
  }
  @Get('adminPage')
  @RequireSession(role('admin'), { redirectTo: '/login' })
  adminPage() {
    return 'inside';
  }
}

@Controller('class')
@RequireSession()
class GuardedClass {
  @Get()
  inside() {
    return 'inside';
  }
  @Get('open')
  @Public()
  open() {
    return 'open';
  }
}

describe('SessionGuard', () => {
  let server: TestApp;
  let jar: Jar;
  const get = (path: string, method = 'GET') => jar.fetch(`${server.url}${path}`, { method });
  const status = async (path: string, method?: string): Promise<number> => (await get(path, method)).status;

  beforeEach(async () => {
    server = await startApp([scripts, GuardedController, GuardedClass]);
    jar = new Jar();
  });
  afterEach(() => server.close());

  it("says 401 in a plain sentence to who isn't logged in, and sets no cookie", async () => {
    const answer = await get('/g/plain');
    expect([answer.status, await answer.json(), jar.last]).toEqual([
      401,
      { statusCode: 401, error: 'Unauthorized', message: 'Please log in.', reason: 'login-required' },
      [],
    ]);
  });

  it('says 401 to a forged cookie, and to a session without a login', async () => {
    jar.cookies.set('sid', `s%3Aabc.${'A'.repeat(43)}`);
    expect(await status('/g/plain')).toBe(401);
    jar = new Jar();
    await get('/s/cart');
    expect(await status('/g/plain')).toBe(401);
    await get('/s/loginFalsy');
    expect(await status('/g/plain')).toBe(401);
  });

  it.each(['login', 'loginByHand', 'passport'])('admits a visitor who is logged in: %s', async (script) => {
    await get(`/s/${script}`);
    expect(await (await get('/g/plain')).text()).toBe('inside');
  });

  it('asks the predicate, which may be asynchronous: 403 if somebody is logged in, 401 if nobody is', async () => {
    expect([await status('/g/editor'), await status('/g/async')]).toEqual([401, 401]);
    await get('/s/login');
    expect([await status('/g/editor'), await status('/g/async'), await status('/g/admin')]).toEqual([200, 200, 403]);
  });

  it('lets a visitor in without a login if the predicate says so', async () => {
    expect(await status('/g/cart')).toBe(401);
    await get('/s/cart');
    expect(await status('/g/cart')).toBe(200);
  });

  it('admits nobody if the predicate throws or rejects, and is no 500', async () => {
    expect([await status('/g/throws'), await status('/g/rejects')]).toEqual([401, 401]);
    await get('/s/login');
    expect([await status('/g/throws'), await status('/g/rejects')]).toEqual([403, 403]);
  });

  it('sends to redirectTo: 302 for GET and HEAD, 303 for what carries a body', async () => {
    for (const [path, method, code, to] of [
      ['/g/page', 'GET', 302, '/login?next=%2Fg%2Fpage'],
      ['/g/page', 'HEAD', 302, '/login?next=%2Fg%2Fpage'],
      ['/g/page', 'POST', 303, '/login'],
      ['/g/adminPage', 'GET', 302, '/login'],
    ] as const) {
      const answer = await get(path, method);
      expect([answer.status, answer.headers.get('location')]).toEqual([code, to]);
    }
    await get('/s/login');
    expect([await status('/g/page'), await status('/g/page', 'POST')]).toEqual([200, 201]);
  });

  it('guards a class, but for what is @Public()', async () => {
    expect([await status('/class'), await status('/class/open')]).toEqual([401, 200]);
  });

  it('guards the whole app as a global guard, but for what is @Public()', async () => {
    await server.close();
    server = await startApp(
      [GuardedController, GuardedClass],
      {},
      { providers: [{ provide: APP_GUARD, useClass: SessionGuard }] },
    );
    expect([await status('/g/plain'), await status('/class'), await status('/class/open')]).toEqual([401, 401, 200]);
  });

  it('asks the option isAuthenticated, and admits nobody if that throws', async () => {
    await server.close();
    server = await startApp([scripts, GuardedController], {
      isAuthenticated: (data, principal) => principal === '7' && (data.user as { role?: string }).role === 'editor',
    });
    await get('/s/passport');
    expect(await status('/g/plain')).toBe(401);
    await get('/s/login');
    expect(await status('/g/plain')).toBe(200);
  });
});

describe('a session that ended while the request ran', () => {
  let server: TestApp;
  const info: unknown[] = [];

  /** An app's own guard, which writes to the session before SessionGuard looks at it. */
  const changes = {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const { session } = context.switchToHttp().getRequest<{ session: AnySession }>();
      session['seen'] = true;
      await server.app.get(SessionRegistry).revokeAll('7');
      await session.save().catch((error: { code?: string }) => void info.push(error.code));
      info.push(session.info.principal, session.info.authenticatedAt);
      return true;
    },
  };

  @Controller('ended')
  class EndedController {
    @Get()
    @UseGuards(changes, SessionGuard)
    plain() {
      return 'inside';
    }
    @Get('recent')
    @RequireRecentLogin('1h')
    @UseGuards(changes)
    recent() {
      return 'inside';
    }
  }

  beforeEach(async () => {
    info.length = 0;
    server = await startApp([scripts, EndedController], { logger: { warn: () => undefined, error: () => undefined } });
  });
  afterEach(() => server.close());

  it.each(['ended', 'ended/recent'])(
    'is nobody’s for guards and info, though its data still name somebody: /%s (#11)',
    async (path) => {
      const jar = new Jar();
      await jar.fetch(`${server.url}/s/login`);
      expect((await jar.fetch(`${server.url}/${path}`)).status).toBe(401);
      expect(info).toEqual(['ENDED', undefined, undefined]);
    },
  );
});

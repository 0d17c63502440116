import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RequireRecentLogin, RequireSession, SessionGuard } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ManualClock } from '../../support/login-app.js';
import { type AnySession, scripted } from '../../support/scripted.js';

const of = (session: unknown) => session as AnySession;
const role = (name: string) => (session: unknown) => of(session).user?.role === name;
let asked = 0;

const scripts = scripted({
  login: (session, req) => session.login('7', { user: { role: req.query.role } }),
  cart: (session) => void (session.cart = ['book']),
});

@Controller('admin')
@RequireSession(role('admin'), { redirectTo: '/from-class', message: 'For administrators.' })
@RequireRecentLogin('10m')
class AdminController {
  @Get('page')
  @RequireSession({ redirectTo: '/login' })
  page() {
    return 'inside';
  }
  @Get('slow')
  @RequireRecentLogin('1h')
  slow() {
    return 'inside';
  }
  @Post('guests')
  @RequireSession((session) => of(session).cart !== undefined, { guests: true })
  guests() {
    return 'inside';
  }
}

class Inherited extends AdminController {}
Controller('inherited')(Inherited);
RequireSession((session) => of(session).user?.role !== 'nobody')(Inherited);

@Controller('one')
class OneController {
  @Get('banned')
  @RequireSession((session) => of(session).banned !== true)
  banned() {
    return 'inside';
  }
  @Get('stacked')
  @RequireSession((session) => of(session).cart !== undefined)
  @RequireSession(role('admin'), { message: 'For administrators.' })
  stacked() {
    return 'inside';
  }
  @Get('checkout')
  @RequireSession((session) => of(session).cart !== undefined, { guests: true })
  checkout() {
    return 'inside';
  }
  @Get('recentCheckout')
  @RequireRecentLogin('10m')
  @RequireSession((session) => of(session).cart !== undefined, { guests: true })
  recentCheckout() {
    return 'inside';
  }
  @Get('counted')
  @UseGuards(SessionGuard)
  @RequireSession(() => (asked += 1) > 0)
  counted() {
    return 'inside';
  }
}

describe('requirements add up', () => {
  let server: TestApp;
  let jar: Jar;
  const clock = new ManualClock();
  const start = async () => {
    server = await startApp([scripts, AdminController, Inherited, OneController], { clock });
  };
  const get = (path: string) => jar.fetch(`${server.url}/${path}`);
  const status = async (path: string) => (await get(path)).status;
  beforeEach(async () => {
    asked = 0;
    jar = new Jar();
    await start();
  });
  afterEach(() => server.close());

  it('a predicate adds to "logged in" (#13.1)', async () => {
    expect(await status('one/banned')).toBe(401);
    await get('s/cart');
    expect(await status('one/banned')).toBe(401);
    await get('s/login?role=editor');
    expect(await status('one/banned')).toBe(200);
  });

  it('a predicate with { guests: true } decides alone, unless something else asks for a login (#13.1)', async () => {
    expect(await status('one/checkout')).toBe(401);
    await get('s/cart');
    expect([await status('one/checkout'), await status('one/recentCheckout')]).toEqual([200, 401]);
    expect((await jar.fetch(`${server.url}/admin/guests`, { method: 'POST' })).headers.get('location')).toBe(
      '/from-class',
    );
    expect(() => RequireSession({ guests: true })).toThrow(/without a predicate.*@Public\(\)/);
  });

  it('an unknown option is refused where it is written (#13.22)', () => {
    expect(() => RequireSession({ redirect: '/login' } as never)).toThrow(
      '@RequireSession() got "redirect", which is no option of it; the options are redirectTo, returnTo, guests, message. Did you mean "redirectTo"?',
    );
    expect(() => RequireSession(() => true, { mesage: 'No.' } as never)).toThrow(/Did you mean "message"\?/);
  });

  it("a route's redirectTo leaves the controller's predicate in force, and is the nearest (#13.2)", async () => {
    const stranger = await get('admin/page');
    expect([stranger.status, stranger.headers.get('location')]).toEqual([302, '/login']);
    await get('s/login?role=editor');
    expect(await status('admin/page')).toBe(302);
    await get('s/login?role=admin');
    expect(await status('admin/page')).toBe(200);
    expect(await status('inherited/page')).toBe(200);
  });

  it('a class adds to what its base class asks for (#13.2)', async () => {
    await get('s/login?role=nobody');
    expect(await status('inherited/page')).toBe(302);
    await get('s/login?role=editor');
    expect(await status('inherited/page')).toBe(302);
  });

  it('stacked decorators all count, and a 403 says why (#13.2, #13.4)', async () => {
    await get('s/login?role=editor');
    await get('s/cart');
    const answer = await get('one/stacked');
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { statusCode: 403, error: 'Forbidden', message: 'For administrators.', reason: 'forbidden' },
    ]);
    await get('s/login?role=admin');
    await get('s/cart');
    expect(await status('one/stacked')).toBe(200);
  });

  it('the shortest recent-login time counts (#13.2)', async () => {
    await get('s/login?role=admin');
    clock.advance(11 * 60_000);
    expect(await status('admin/slow')).toBe(401);
  });

  it('each predicate is asked once a request, though the guard runs twice (#13.2)', async () => {
    await get('s/login?role=admin');
    expect([await status('one/counted'), asked]).toEqual([200, 1]);
    expect([await status('one/counted'), asked]).toEqual([200, 2]);
  });
});

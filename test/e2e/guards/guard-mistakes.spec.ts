import { Controller, Get, Logger, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { from } from 'rxjs';
import {
  Public,
  RequireSession,
  Session,
  SessionGuard,
  type SessionModuleOptions,
  type SessionPredicate,
  SkipSession,
} from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';

const isAdmin = () => false;
class OwnGuard extends SessionGuard {}

@Controller('open')
@Public()
class OpenController {
  @Get('own')
  @UseGuards(OwnGuard)
  own() {
    return 'inside';
  }
  @Get('guarded')
  @UseGuards(SessionGuard)
  guarded() {
    return 'inside';
  }
  @Get('instance')
  @UseGuards(new SessionGuard())
  instance() {
    return 'inside';
  }
  @Get('all')
  all() {
    return 'inside';
  }
}

@Controller()
class MistakenController {
  @Post('login')
  @Public()
  login(@Session() session: Session) {
    return session.login('7');
  }
  @Get('not-called')
  @RequireSession(() => isAdmin)
  notCalled() {
    return 'inside';
  }
  @Get('observable')
  @RequireSession(() => from([false]))
  observable() {
    return 'inside';
  }
  @Get('cart')
  @RequireSession(() => ['book'])
  cart() {
    return 'inside';
  }
  @Get('health')
  @SkipSession()
  health() {
    return 'inside';
  }
}

describe('the guard, if an app is mistaken (#16.3)', () => {
  let app: TestApp;
  let jar: Jar;
  const said: string[] = [];
  const start = async (options: Partial<SessionModuleOptions> = {}, isGlobal = false) => {
    const providers = isGlobal ? [{ provide: APP_GUARD, useClass: SessionGuard }] : [];
    app = await startApp([OpenController, MistakenController], options, { providers });
    Logger.overrideLogger({
      log: () => undefined,
      warn: () => undefined,
      error: (text: unknown) => void said.push(String(text)),
    });
    await jar.fetch(`${app.url}/login`, post());
  };
  const status = async (path: string, as = jar) => (await as.fetch(`${app.url}/${path}`)).status;
  beforeEach(() => {
    jar = new Jar();
    said.length = 0;
  });
  afterEach(async () => {
    await app.close();
    Logger.overrideLogger(false);
  });

  it.each([false, true])('holds on a route of a public controller; global: %p', async (isGlobal) => {
    await start({}, isGlobal);
    for (const path of ['open/guarded', 'open/own', 'open/instance'])
      expect([path, await status(path, new Jar()), await status(path)]).toEqual([path, 401, 200]);
    expect(await status('open/all', new Jar())).toBe(200);
  });

  it('admits nobody by a predicate that gives no answer, but something that would', async () => {
    await start();
    expect([await status('not-called'), await status('observable'), await status('cart')]).toEqual([403, 403, 200]);
    expect(said).toEqual([
      'The predicate of @RequireSession() returned a function, so the request is refused; it must return its answer, or a promise of it.',
      'The predicate of @RequireSession() returned an object (Observable), so the request is refused; it must return its answer, or a promise of it.',
    ]);
  });

  it('says why nobody is admitted by an isAuthenticated that gives no boolean', async () => {
    await start({ isAuthenticated: (async () => true) as never });
    expect(await status('cart')).toBe(401);
    expect(said).toEqual([
      '"isAuthenticated" returned an object (Promise), so the request is refused; it must return true or false.',
    ]);
  });

  it('says what a global guard misses on a route without a session', async () => {
    await start({}, true);
    expect(await status('health')).toBe(500);
    expect(said.join()).toContain('add @Public()');
  });
});

it.each<[string, unknown[], RegExp]>([
  ['a role', ['admin'], /^@RequireSession\(\) got "admin"; it takes a predicate, such as \(session\) =>/],
  ['null', [null], /^@RequireSession\(\) got null; it takes a predicate/],
  ['a list', [[isAdmin]], /^@RequireSession\(\) got an array; it takes a predicate/],
  ['options before the predicate', [{ redirectTo: '/' }, isAdmin], /the predicate goes first/],
  ['two predicates', [isAdmin, isAdmin], /got a function as options/],
  ['text for options', [isAdmin, '/login'], /got "\/login" as options/],
])('@RequireSession() refuses %s, where the app is read (#16.3)', (_, args, says) => {
  expect(() => RequireSession(...(args as [SessionPredicate]))).toThrow(says);
});

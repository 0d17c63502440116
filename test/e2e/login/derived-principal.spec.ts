import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

let data: object = {};
let given: unknown;
const scripts = scripted({
  put: (session) => void Object.assign(session, data),
  login: async (session) => {
    await session.login('7', { passport: { user: { name: 'Ann' } } });
    session.cart = 1;
  },
});

@Controller('guarded')
class GuardedController {
  @Get()
  @UseGuards(SessionGuard)
  inside() {
    return 'inside';
  }
}

class ObjectId {
  toJSON(): string {
    return 'abc';
  }
}

describe('whose session it is without login()', () => {
  let server: TestApp;
  let jar: Jar;
  const warnings: string[] = [];
  const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
  const visit = async (path: string) => (await jar.fetch(`${server.url}/${path}`)).status;
  const start = async (options = {}) => {
    server = await startApp([scripts, GuardedController], { logger, ...options });
  };

  beforeEach(() => {
    jar = new Jar();
    warnings.length = 0;
  });
  afterEach(() => server.close());

  it.each<[string, object, string]>([
    ['passport.user, a number', { passport: { user: 7 } }, '7'],
    ['passport.user.id', { passport: { user: { id: 7, name: 'Ann' } } }, '7'],
    ['passport.user._id', { passport: { user: { _id: 'abc' } } }, 'abc'],
    ['passport.user._id, an ObjectId', { passport: { user: { _id: new ObjectId() } } }, 'abc'],
    ['passport.user.sub', { passport: { user: { sub: 'auth0|1' } } }, 'auth0|1'],
    ['user.id', { user: { id: 7 } }, '7'],
    ['user._id', { user: { _id: 'abc' } }, 'abc'],
    ['user.sub', { user: { sub: 'auth0|1' } }, 'auth0|1'],
  ])('is taken from %s: the guard lets in, revokeAll() ends it (#13.8)', async (_, values, principal) => {
    await start();
    data = values;
    await visit('s/put');
    expect(await visit('guarded')).toBe(200);
    expect(await server.app.get(SessionRegistry).revokeAll(principal)).toBe(1);
    expect([await visit('guarded'), warnings]).toEqual([401, []]);
  });

  it('is nobody if passport.user has no id, and one warning says so (#13.8)', async () => {
    await start();
    data = { passport: { user: { name: 'Ann' } } };
    await visit('s/put');
    expect([await visit('guarded'), await visit('guarded')]).toEqual([401, 401]);
    expect(warnings.filter((each) => each.includes('passport.user'))).toEqual([
      expect.stringMatching(/done\(null, user\.id\).*"principalOf"/),
    ]);
  });

  it('does not warn if login() named the principal (#13.8)', async () => {
    await start();
    expect([await visit('s/login'), await visit('guarded'), warnings]).toEqual([200, 200, []]);
  });

  it.each([[undefined], [null], ['']])('is nobody if principalOf returns %p (#13.8, #11)', async (result) => {
    given = result;
    await start({ principalOf: () => given });
    data = { cart: 1 };
    await visit('s/put');
    expect(await visit('guarded')).toBe(401);
    expect((await server.app.get(SessionRegistry).list()).sessions).toEqual([
      expect.objectContaining({ principal: undefined }),
    ]);
  });

  it.each([[{}], [Number.NaN], [true]])('refuses %p from principalOf, as login() does (#13.8, #11)', async (result) => {
    given = result;
    await start({ principalOf: () => given });
    data = { cart: 1 };
    expect(await visit('s/put')).toBe(500);
    expect(await visit('guarded')).toBe(401);
  });
});

import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore, type Session, SessionGuard } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

const ORIGIN = 'https://app.example.com';
const scripts = scripted({ login: (session: Session) => session.login('7') });

@Controller('me')
class MeController {
  @Get()
  @UseGuards(SessionGuard)
  me() {
    return 'inside';
  }
}

/** docs/spa-and-cors.md: what a page on another origin can read of an answer. */
describe('a page on another origin (#16.3)', () => {
  let app: TestApp;
  afterEach(() => app.close());

  it.each(['eager', 'lazy'] as const)('can read a 200, a 401, and a 503 with Retry-After; load: %s', async (load) => {
    const store = new MemoryStore();
    const cors = { origin: ORIGIN, credentials: true, exposedHeaders: ['Retry-After'] };
    app = await startApp([scripts, MeController], { load, store }, { before: (nest) => nest.enableCors(cors) });
    const jar = new Jar();
    const me = async (as = jar) => {
      const { status, headers } = await as.fetch(`${app.url}/me`, { headers: { origin: ORIGIN } });
      const names = ['origin', 'credentials'].map((each) => headers.get(`access-control-allow-${each}`));
      return [status, ...names, headers.get('access-control-expose-headers'), headers.get('retry-after')];
    };
    const open = [ORIGIN, 'true', 'Retry-After'];
    await jar.fetch(`${app.url}/s/login`, { ...post(), headers: { origin: ORIGIN } });
    expect([await me(), await me(new Jar())]).toEqual([
      [200, ...open, null],
      [401, ...open, null],
    ]);
    store.load = () => Promise.reject(new Error('down'));
    expect(await me()).toEqual([503, ...open, '1']);
  });
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { onBothAdapters } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { attributes } from '../../support/express-app.js';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';
import { scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

const DAY = 86_400_000;

const scripts = scripted({
  remember: (session, req) => session.login('7', { user: 'Ann' }, { remember: req.query.for as string }),
  plain: (session) => session.login('7', { user: 'Ann' }),
  confirm: (session) => session.confirmLogin(),
  other: (session) => session.login('8'),
  callback: (session) =>
    new Promise((resolve) => session.login('7', {}, { remember: '30d' }, (error) => resolve(String(error)))),
  own: async (session) => {
    session.cookie.maxAge = 5 * DAY;
    await session.login('7');
  },
  who: (session) => String(session.info.principal),
  wrong: async (session, req) => {
    const options = JSON.parse(req.query.options as string) as object;
    return session.login('7', {}, options).then(
      () => 'no error',
      (error: Error) => `${error.name}: ${error.message}`,
    );
  },
  dropped: async (session) => {
    await session.login('7');
    await session.discard();
    session.n = 1;
  },
});

onBothAdapters(() => {
  describe('session.login(id, data, { remember }) (#16.2)', () => {
    let app: TestApp;
    let jar: Jar;
    let clock: TestClock;
    const start = async (options: Partial<SessionModuleOptions> = {}) => {
      clock = new TestClock();
      app = await startApp([scripts], { clock, ...options });
      jar = new Jar();
    };
    /** The jar drops what expired by the machine's clock, which the test's is ahead of. */
    const visit = async (script: string) => (await jar.fetch(`${app.url}/s/${script}`)).text();
    const sentDays = () => {
      const { Expires } = attributes(jar.last.at(-1));
      return Expires === undefined ? undefined : (Date.parse(Expires as string) - clock.time) / DAY;
    };
    afterEach(() => app.close());

    it('makes the cookie last that long, and the session on the server', async () => {
      await start();
      await visit('remember?for=30d');
      expect(sentDays()).toBe(30);
      clock.advance(29.9 * DAY);
      expect(await visit('who')).toBe('7');
      clock.advance(DAY);
      expect(await visit('who')).toBe('undefined');
    });

    it('goes on for longer than 30 days after a visit, if it is longer', async () => {
      await start();
      await visit('remember?for=60d');
      clock.advance(59 * DAY);
      expect(await visit('who')).toBe('7');
    });

    it('without it the options apply: also after a login that was remembered', async () => {
      await start({ idleTimeout: '1d' });
      for (const before of ['plain', 'remember?for=30d']) {
        await visit(before);
        await visit('plain');
        expect([before, sentDays()]).toEqual([before, undefined]);
      }
      clock.advance(1.1 * DAY);
      expect(await visit('who')).toBe('undefined');
    });

    it('restores the lifetime of the options, if they have one', async () => {
      await start({ cookie: { maxAge: '2d' } });
      await visit('remember?for=30d');
      await visit('plain');
      expect(sentDays()).toBe(2);
    });

    it('stays through confirmLogin(), and ends with a login as somebody else', async () => {
      await start();
      await visit('remember?for=30d');
      await visit('confirm');
      expect(sentDays()).toBe(30);
      await visit('plain');
      await visit('confirm');
      expect(sentDays()).toBeUndefined();
      await visit('remember?for=30d');
      await visit('other');
      expect(sentDays()).toBeUndefined();
    });

    it('stays if the login that would end it is discarded', async () => {
      await start();
      await visit('remember?for=30d');
      await visit('dropped');
      clock.advance(20 * DAY);
      expect(await visit('who')).toBe('7');
    });

    it('leaves cookie.maxAge of the same request to a login without it', async () => {
      await start();
      await visit('own');
      expect(sentDays()).toBe(5);
    });

    it('takes a callback after the options', async () => {
      await start();
      expect(await visit('callback')).toBe('null');
      expect(sentDays()).toBe(30);
    });

    it('lasts as long as absoluteTimeout at most, and warns once', async () => {
      const warned: string[] = [];
      const logger = { warn: (message: string) => void warned.push(message), error: () => undefined };
      await start({ absoluteTimeout: '7d', logger });
      await visit('remember?for=30d');
      await visit('remember?for=30d');
      expect(sentDays()).toBe(7);
      expect(warned.filter((line) => line.includes('"remember"'))).toEqual([
        expect.stringMatching(/2592000 s.*"absoluteTimeout" \(604800 s\).*Raise/),
      ]);
    });

    it.each([
      ['{"remember":"30"}', /"remember" got the text "30" without a unit/],
      ['{"remember":true}', /"remember" got true; it takes a positive number of ms or text/],
      ['{"remember":"-1d"}', /"remember" got "-1d"/],
      ['{"rememberMe":"30d"}', /session\.login\(\) got the unknown option "rememberMe"; it takes "remember"/],
      ['"30d"', /options got "30d"; it takes an object such as \{ remember: '30d' \}/],
    ])('refuses %s in a sentence, and logs nobody in', async (options, message) => {
      await start();
      const said = await visit(`wrong?options=${encodeURIComponent(options)}`);
      expect(said).toMatch(message);
      expect(said).toMatch(/^SessionOptionsError/);
      expect(await visit('who')).toBe('undefined');
    });
  });
});

describeEachStore((each) => {
  let place: StorePlace;
  let app: TestApp;
  const clock = new TestClock(Date.now());
  beforeEach(async () => {
    place = await each.open();
    app = await startApp([scripts], { store: place.store });
  });
  afterEach(async () => {
    await app.close();
    await place.close();
  });

  it('remembers a login in the record (#16.2)', async () => {
    const jar = new Jar();
    await jar.fetch(`${app.url}/s/remember?for=30d`);
    const end = Date.parse(attributes(jar.last[0]).Expires as string);
    expect(Math.abs(end - clock.time - 30 * DAY)).toBeLessThan(60_000);
    const sid = decodeURIComponent(jar.cookies.get('sid')!).slice(2).split('.')[0]!;
    expect(await place.rawRead(sid)).toMatch(/"o":\{"maxAge":2592000000\}/);
    expect(await (await jar.fetch(`${app.url}/s/who`)).text()).toBe('7');
  });
});

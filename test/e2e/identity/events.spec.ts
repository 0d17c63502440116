import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SESSION_CHANNEL, type SessionEvent } from 'nestjs-keycard';
import { Jar, startApp } from '../../support/app.js';
import { type StorePlace } from '../../support/five-stores.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, idIn, LoginApp, LoginController, ManualClock } from '../../support/login-app.js';

const MINUTE = 60_000;

describeEachStore((each) => {
  describe('events', () => {
    let app: LoginApp;
    let clock: ManualClock;
    const start = async (options: Parameters<typeof LoginApp.start>[1] = {}) => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, ...options });
    };
    afterEach(() => app.close());

    it('tells each thing that happens once, with a salted hash of the id and never the id', async () => {
      await start({ renewAfter: '10m', absoluteTimeout: '8h', maxSessionsPerPrincipal: 2 });
      const onChannel: SessionEvent[] = [];
      const listen = (event: unknown): void => void onChannel.push(event as SessionEvent);
      subscribe(SESSION_CHANNEL, listen);
      const ids = new Set<string>();
      const does = async (what: () => Promise<unknown>, jars: Jar[] = []): Promise<string[]> => {
        await what();
        for (const jar of jars) if (jar.cookies.has('sid')) ids.add(idIn(jar));
        return app.happened();
      };
      const all = app.events;
      const seen: SessionEvent[] = [];
      const { push } = all;
      all.push = (...events) => {
        seen.push(...events);
        return push.apply(all, events);
      };

      const jar = new Jar();
      expect(await does(() => app.get(jar, 'me'))).toEqual([]);
      expect(await does(() => app.post(jar, 'set', { cart: [1] }), [jar])).toEqual(['created']);
      expect(await does(() => app.get(jar, 'me'))).toEqual([]);
      expect(await does(() => app.post(jar, 'login', { id: 'ann', data: { user: { name: 'Ann' } } }), [jar])).toEqual([
        'renewed',
        'logged-in',
      ]);
      clock.advance(11 * MINUTE);
      expect(await does(() => app.get(jar, 'me'), [jar])).toEqual(['renewed']);
      expect(await does(() => app.post(jar, 'confirm'), [jar])).toEqual(['renewed']);
      const thief = copyOf(jar);
      const card = thief.cookies.get('sid')!;
      thief.cookies.set('sid', `${card.slice(0, -2)}${card.endsWith('00') ? '04' : '00'}`);
      expect(await does(() => app.get(thief, 'me'))).toEqual(['loaded-invalid']);
      expect(await does(() => app.post(jar, 'delete/user'))).toEqual(['principal-void']);
      expect(await does(() => app.post(jar, 'logout'))).toEqual(['logged-out']);
      let other = new Jar();
      expect(await does(() => app.post(other, 'login', { id: 'bob' }), [other])).toEqual(['created', 'logged-in']);
      const unknown = copyOf(other);
      expect(await does(async () => app.registry.revoke((await app.me(other)).handle))).toEqual(['revoked']);
      expect(await does(() => app.get(unknown, 'me'))).toEqual(['loaded-invalid']);
      expect(await does(() => app.post(unknown, 'logout'))).toEqual(['loaded-invalid']);
      const jars = [await app.loggedIn('cid'), await app.loggedIn('cid')];
      app.happened();
      expect(await does(() => app.loggedIn('cid'), jars)).toEqual(['evicted', 'created', 'logged-in']);
      expect(await does(() => app.registry.revokeAll('cid'))).toEqual(['revoked', 'revoked']);
      other = await app.loggedIn('dan');
      app.happened();
      expect(await does(async () => (await app.registry.open(idIn(other)))!.destroy(), [other])).toEqual(['destroyed']);

      expect(onChannel).toEqual(seen);
      const text = JSON.stringify(seen);
      for (const id of ids) expect(text).not.toContain(id);
      for (const event of seen) {
        expect(event.at).toBeGreaterThan(0);
        if (event.reason !== 'signature') expect(event.session).toMatch(/^[\w-]{22}$/);
      }
      expect(ids.size).toBeGreaterThan(5);
      expect(new Set(seen.map(({ session }) => session)).size).toBeGreaterThan(5);
      unsubscribe(SESSION_CHANNEL, listen);
    });
  });

  describe('the id', () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await each.open();
    });
    afterEach(() => place.close());

    it('is in Set-Cookie and nowhere else: no log line, no URL, no body, no other header', async () => {
      const said: string[] = [];
      const catchAll = (...args: unknown[]): void => void said.push(inspect(args, { depth: 10, showHidden: true }));
      const spies = [
        jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => Boolean(said.push(String(chunk)))),
        jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => Boolean(said.push(String(chunk)))),
        ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
          jest.spyOn(console, name).mockImplementation(catchAll),
        ),
        ...(['log', 'warn', 'error', 'debug', 'verbose'] as const).map((name) =>
          jest.spyOn(Logger.prototype, name).mockImplementation(catchAll),
        ),
      ];
      const ids = new Set<string>();
      const store = place.store;
      try {
        // No logger is given, so that what is logged goes where an app's own logs go.
        const app = await startApp(
          [LoginController],
          { store, cookie: { maxAge: '1d' }, renewAfter: 1, touchInterval: 0 },
          { before: (nest) => nest.useLogger(new Logger()) },
        );
        const jar = new Jar();
        const bodies: string[] = [];
        const ask = async (path: string, init: RequestInit = {}): Promise<void> => {
          const response = await jar.fetch(`${app.url}/${path}`, init);
          bodies.push(`${response.status} ${response.url}`, await response.text());
          response.headers.forEach((value, name) => name === 'set-cookie' || bodies.push(`${name}: ${value}`));
          if (jar.cookies.has('sid')) ids.add(idIn(jar));
        };
        const body = (value: object): RequestInit => ({
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(value),
        });
        await ask('set', body({ cart: [1] }));
        await ask('login', body({ id: 'ann', data: { user: { name: 'Ann' } } }));
        await ask('me');
        await ask('renew', body({}));
        await ask('confirm', body({}));
        await ask('danger', body({}));
        await ask('nowhere');
        await ask('set', body({ login: 'a reserved name' }));
        // Records that can't be read, and a store that fails at each of its calls.
        const broken = copyOf(jar);
        const id = idIn(jar);
        await place.rawWrite(id, JSON.stringify({ cookie: {}, user: 'x', __keycard: { v: 1 } }));
        await ask('me');
        await ask('set', body({ again: 1 }));
        for (const method of ['load', 'create', 'replace', 'destroy'] as const) {
          const fail = jest
            .spyOn(store, method as 'load')
            .mockImplementation(() => Promise.reject(new Error('The store is away.')));
          await ask('me');
          await ask('set', body({ failing: method }));
          await ask('login', body({ id: 'ann' }));
          await ask('logout', body({}));
          fail.mockRestore();
        }
        await ask('logout', body({}));
        await broken.fetch(`${app.url}/me`);
        await app.close();
        const text = [...said, ...bodies].join('\n');
        expect(ids.size).toBeGreaterThan(4);
        for (const one of ids) {
          expect(text.includes(one)).toBe(false);
          expect(text.includes(encodeURIComponent(one))).toBe(false);
        }
        // What would have shown it was there to be seen.
        expect(said.join('')).toMatch(/could not be|can't be read/);
        expect(bodies.join('')).toContain('"principal":"ann"');
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
    });
  });
});

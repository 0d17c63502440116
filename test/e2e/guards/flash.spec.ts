import { Controller, Get, Injectable, Post, Query, ValidationPipe } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { Flash, FlashMessages, MemoryStore, Session, type SessionModuleOptions } from 'nestjs-keycard';
import { FakeSession } from 'nestjs-keycard/testing';
import { z } from 'zod';
import { onBothAdapters } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

const connectFlash = createRequire(import.meta.url)('connect-flash') as () => (
  req: object,
  res: object,
  next: () => void,
) => void;

@Injectable()
class Notifier {
  constructor(private readonly flash: FlashMessages) {}
  notify(message: string) {
    return this.flash.add('notice', message);
  }
}

@Controller('flash')
class FlashController {
  constructor(private readonly notifier: Notifier) {}
  @Post()
  async add(@Flash() flash: FlashMessages, @Query('type') type: string, @Query('message') message: string) {
    await flash.add(type, message);
  }
  @Post('service')
  async service(@Query('message') message: string) {
    await this.notifier.notify(message);
  }
  @Post('goodbye')
  async goodbye(@Session() session: Session, @Flash() flash: FlashMessages) {
    await session.regenerate();
    await flash.add('notice', 'Goodbye.');
  }
  @Post('logout')
  async logout(@Session() session: Session, @Flash() flash: FlashMessages) {
    await session.logout();
    return flash.add('notice', 'Goodbye.').catch((error: Error) => error.message);
  }
  @Get()
  take(@Flash() flash: FlashMessages, @Query('type') type = 'notice') {
    return flash.take(type);
  }
  @Get('all')
  all(@Flash() flash: FlashMessages) {
    return flash.takeAll();
  }
  @Post('wrong')
  wrong(@Flash() flash: FlashMessages, @Query('type') type: string) {
    return flash.add(type, 7 as never).catch((error: Error) => error.message);
  }
}

const scripts = scripted({
  login: (session) => session.login('7', { user: { id: '7' } }),
  loginAfterLogout: async (session) => {
    await session.logout();
    return session.login('8').catch((error: Error) => error.message);
  },
  who: (session) => JSON.stringify([session.info.principal ?? null, session.user ?? null]),
  flash: (session) => JSON.stringify(session.flash ?? 'none'),
  set: (session, req) => void (session.flash = JSON.parse(req.query.to as string) as unknown),
  lost: async (session) => {
    const taken = await new FlashMessages(session).take('notice');
    session.unsaved = 1n;
    return taken;
  },
  // As connect-flash does it, on the request.
  connect: (_session, req, res) => {
    const flashing = req as typeof req & { flash(type?: string, message?: string): unknown };
    connectFlash()(req, res, () => undefined);
    const { type, message } = req.query as { type?: string; message?: string };
    return JSON.stringify(flashing.flash(type, message));
  },
});

describe('flash messages (#16.2)', () => {
  let app: TestApp;
  let jar: Jar;
  const start = async (options: Partial<SessionModuleOptions> = {}, extra: Parameters<typeof startApp>[2] = {}) => {
    app = await startApp([scripts, FlashController], options, { providers: [Notifier], ...extra });
    jar = new Jar();
  };
  const call = (path: string, method = 'GET', as = jar) => as.fetch(`${app.url}/${path}`, { method });
  const add = (message: string, type = 'notice', as = jar) =>
    call(`flash?type=${type}&message=${encodeURIComponent(message)}`, 'POST', as);
  const take = async (type = 'notice', as = jar) =>
    (await (await call(`flash?type=${type}`, 'GET', as)).json()) as string[];
  afterEach(() => app.close());

  onBothAdapters(() => {
    it.each(['eager', 'lazy'] as const)(
      'are given once, also to a visitor who had no session; load: %s',
      async (load) => {
        await start({ load });
        await add('Saved.');
        await add('Sent.');
        await add('Oh no.', 'error');
        expect(await take()).toEqual(['Saved.', 'Sent.']);
        expect([await take(), await take('error'), await take('none')]).toEqual([[], ['Oh no.'], []]);
        expect(await (await call('s/flash')).json()).toBe('none');
      },
    );

    it('are given all at once, by type', async () => {
      await start();
      await add('Saved.');
      await add('Oh no.', 'error');
      expect(await (await call('flash/all')).json()).toEqual({ notice: ['Saved.'], error: ['Oh no.'] });
      expect(await (await call('flash/all')).json()).toEqual({});
    });

    it.each(['eager', 'lazy'] as const)('are added by a service; load: %s', async (load) => {
      await start({ load });
      await call('flash/service?message=Hi', 'POST');
      expect(await take()).toEqual(['Hi']);
    });

    it('stay FlashMessages under a ValidationPipe that looks at everything', async () => {
      const pipe = new ValidationPipe({ transform: true, whitelist: true, validateCustomDecorators: true });
      await start({}, { before: (nest) => nest.useGlobalPipes(pipe) });
      await add('Saved.');
      expect(await take()).toEqual(['Saved.']);
    });
  });

  it('say goodbye: after regenerate(), and a sentence says so to who adds one after logout() (#16.3)', async () => {
    await start();
    const copy = new Jar();
    await call('s/login', 'POST');
    copy.cookies.set('sid', jar.cookies.get('sid')!);
    await call('flash/goodbye', 'POST');
    expect(await take()).toEqual(['Goodbye.']);
    for (const each of [jar, copy]) expect(await (await call('s/who', 'GET', each)).json()).toEqual([null, null]);

    await call('s/login', 'POST');
    const says =
      'This request has ended its session by logout() or destroy(). To continue with another session, call regenerate()';
    expect(await (await call('flash/logout', 'POST')).text()).toContain(says);
    await call('s/login', 'POST');
    expect(await (await call('s/loginAfterLogout', 'POST')).text()).toContain(says);
  });

  it('writes nothing, and sets no cookie, for a page that has nothing to show', async () => {
    const store = new ObservedStore(new MemoryStore());
    await start({ store });
    store.forget();
    expect(await take()).toEqual([]);
    expect([store.names, jar.last]).toEqual([[], []]);
  });

  it('come back if the save that answers the request fails', async () => {
    const store = new ObservedStore(new MemoryStore());
    await start({ store });
    await add('Saved.');
    await add('Oh no.', 'error');
    // The take is saved, and what the handler did after it can't be.
    const lost = await call('s/lost');
    expect(lost.status).toBe(500);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([await take('error'), await take()]).toEqual([['Oh no.'], ['Saved.']]);
    // The take itself fails.
    await add('Again.');
    store.failing = ['replace'];
    store.failure = new Error('down');
    expect((await call('flash')).status).toBe(503);
    store.failure = undefined;
    expect(await take()).toEqual(['Again.']);
  });

  it.each(['', '__proto__'])('refuse the type %j, and a message that is no text, in a sentence', async (type) => {
    await start();
    const said = async (given: string) => (await call(`flash/wrong?type=${given}`, 'POST')).text();
    expect(await said(type)).toMatch(/flash\.add\(type\) got ".*"; it takes a string such as 'notice'/);
    expect(await said('notice')).toMatch(/got 7 as a message; it takes strings/);
  });

  it("leave an app's own session.flash alone, and say so", async () => {
    await start({}, { before: (nest) => nest.useLogger(false) });
    await call('s/set?to="mine"');
    expect([await take(), (await add('Saved.')).status]).toEqual([[], 500]);
    expect(await (await call('s/flash')).json()).toBe('mine');
    expect(() => new FlashMessages(new FakeSession({ data: { flash: 7 } }))).not.toThrow();
    await expect(new FlashMessages(new FakeSession({ data: { flash: 7 } })).add('a', 'b')).rejects.toThrow(
      /session\.flash got 7 from the app.*under another key/,
    );
  });

  it.each([
    ['a list that a schema has', z.object({ flash: z.record(z.string(), z.array(z.string())).optional() })],
    ['a strict schema that has no such key', z.strictObject({ cart: z.string().optional() })],
  ])('work with %s', async (_, schema) => {
    await start({ schema });
    await add('Saved.');
    expect([await take(), await take()]).toEqual([['Saved.'], []]);
  });

  it('are those of connect-flash, either way', async () => {
    await start();
    await add('ours');
    await call('s/connect?type=notice&message=theirs');
    expect(await take()).toEqual(['ours', 'theirs']);
    await call('s/connect?type=info&message=theirs');
    await add('ours', 'info');
    expect(await (await call('s/connect?type=info')).json()).toEqual(['theirs', 'ours']);
  });

  it('in a unit test: new FlashMessages(session)', async () => {
    await start();
    const session = new FakeSession({ principal: '7' });
    const flash = new FlashMessages(session);
    await flash.add('notice', 'one', 'two');
    expect([await flash.take('notice'), await flash.takeAll()]).toEqual([['one', 'two'], {}]);
  });
});

describeEachStore((each) => {
  let place: StorePlace;
  let app: TestApp;
  const take = async (jar: Jar) => (await (await jar.fetch(`${app.url}/flash`)).json()) as string[];
  afterEach(async () => {
    await app.close();
    await place.close();
  });

  it('a message is shown in one of two tabs, and none that are added at once is lost (#16.2)', async () => {
    place = await each.open();
    const store = new ObservedStore(place.store);
    app = await startApp([scripts, FlashController], { store }, { providers: [Notifier] });
    const jar = new Jar();
    const add = (message: string) => jar.fetch(`${app.url}/flash?type=notice&message=${message}`, { method: 'POST' });
    await add('first');
    // Both tabs have read the session before either takes.
    const gates = [store.hold('load', 'after'), store.hold('load', 'after')];
    const tabs = [take(jar), take(jar)];
    await Promise.all(gates.map((gate) => gate.reached));
    for (const gate of gates) gate.open();
    expect((await Promise.all(tabs)).flat()).toEqual(['first']);
    await Promise.all(['a', 'b', 'c'].map(add));
    expect((await take(jar)).sort()).toEqual(['a', 'b', 'c']);
  });
});

import { Body, Controller, Get, ParseArrayPipe, type PipeTransform, Post, Res, UseGuards } from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import type { Response } from 'express';
import {
  type ListedSession,
  MemoryStore,
  Session,
  type SessionEvent,
  SessionGuard,
  type SessionModuleOptions,
  type SessionOf,
  SessionRegistry,
  SessionStore,
} from 'nestjs-keycard';
import { type SessionTesting, sessionTesting } from 'nestjs-keycard/testing';
import { z } from 'zod';
import { expressLike } from '../../support/express-like.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { TestClock } from '../../support/test-clock.js';

const schema = z.strictObject({
  user: z.object({ name: z.string(), role: z.string().default('member') }).optional(),
  cart: z.array(z.string()).default([]),
  visitor: z.string().default(() => `visitor ${Math.random()}`),
  since: z.coerce.date().optional(),
  count: z
    .number()
    .transform((n) => n + 1)
    .optional(),
});
const AppSession = Session.of(schema);
type AppSession = SessionOf<typeof schema>;

class Upper implements PipeTransform {
  transform(value: unknown): string {
    return String(value).toUpperCase();
  }
}

/** Holds a request up until the test lets it go on. */
const gates = new Map<string, { arrived: () => void; go: Promise<void> }>();
function gate(name: string): { arrived: Promise<void>; open: () => void } {
  let arrived!: () => void;
  let open!: () => void;
  const there = new Promise<void>((resolve) => (arrived = resolve));
  gates.set(name, { arrived, go: new Promise<void>((resolve) => (open = resolve)) });
  return { arrived: there, open };
}

@Controller()
class AppController {
  @Get()
  look(@AppSession() session: AppSession) {
    return { ...session, isDate: session.since instanceof Date, principal: session.info.principal };
  }

  @Post('set')
  async set(@AppSession() session: AppSession, @Body() body: Record<string, unknown> & { gate?: string }) {
    const { gate: name, ...keys } = body;
    const held = name === undefined ? undefined : gates.get(name);
    // The session is read before the request is held up.
    void session.cart;
    held?.arrived();
    await held?.go;
    Object.assign(session, keys);
    return {};
  }

  @Post('since')
  since(@AppSession() session: AppSession) {
    session.since = new Date(86_400_000);
    return {};
  }

  @Post('later')
  async later(@AppSession() session: AppSession) {
    session.cart = ['pending'];
    await session.update((draft) => {
      draft.cart!.push('apple');
      draft.since = new Date(draft.since!.getTime() + 1);
    });
    return { since: session.since, cart: session.cart };
  }

  @Post('login')
  async login(@AppSession() session: AppSession) {
    await session.login('7', { user: { name: 'Ada', role: 'admin' } });
    return {};
  }

  @Get('private')
  @UseGuards(SessionGuard)
  secret(@AppSession('user') user: AppSession['user']) {
    return user;
  }

  @Get('cart')
  cart(
    @AppSession('cart', new ParseArrayPipe({ items: String })) cart: string[],
    @AppSession('visitor', Upper) visitor: string,
  ) {
    return { cart, visitor };
  }

  @Get('stream')
  stream(@Res() response: Response) {
    const res = expressLike(response);
    res.write('begun');
    setTimeout(() => {
      const { session } = res.req as unknown as { session: AppSession };
      res.end(JSON.stringify(session.cart));
    }, 20);
  }
}

async function only(store: MemoryStore): Promise<ListedSession> {
  for await (const each of store.list()) return each;
  throw new Error('nothing is stored');
}

describe('a schema', () => {
  let running: TestApp | undefined;
  const events: SessionEvent[] = [];
  const warnings: string[] = [];

  async function start(
    options: Partial<SessionModuleOptions> = {},
    store = new MemoryStore(),
  ): Promise<{ url: string; sessions: SessionTesting; store: MemoryStore }> {
    await running?.close();
    events.length = 0;
    warnings.length = 0;
    const logger = {
      warn: (text: string) => void warnings.push(text),
      error: (text: string) => void warnings.push(text),
    };
    running = await startApp([AppController], { schema, store, logger, ...options });
    running.app.get(SessionRegistry).events.subscribe((event) => events.push(event));
    return {
      url: running.url,
      sessions: sessionTesting(running.app),
      store: running.app.get(SessionStore) as MemoryStore,
    };
  }
  afterEach(async () => {
    await running?.close();
    running = undefined;
  });
  const json = async (jar: Jar, url: string, init?: RequestInit): Promise<Record<string, unknown>> => {
    const response = await jar.fetch(url, init);
    return { status: response.status, ...((await response.json()) as object) };
  };

  it('supplies defaults to a visitor, of whom nothing is saved for that', async () => {
    const { url, store } = await start();
    const jar = new Jar();
    expect(await json(jar, url)).toMatchObject({
      cart: [],
      visitor: expect.stringContaining('visitor'),
      isDate: false,
    });
    expect(jar.last).toEqual([]);
    expect(await store.count()).toBe(0);
  });

  it('keeps a default as the app saw it once anything is saved', async () => {
    const { url } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ user: { name: 'Ada' } }));
    const { visitor } = await json(jar, url);
    expect((await json(jar, url)).visitor).toBe(visitor);
  });

  it('does not write a session for the sake of a default that its record lacks', async () => {
    const { url, store, sessions } = await start({ touchInterval: '1h' });
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ user: { name: 'Ada' } }));
    const found = await only(store);
    const bare = found.text.replace(/"visitor":"[^"]*",/, '');
    expect(await store.replace(found.id, { text: bare, expiresAt: Date.now() + 60_000 }, found.revision)).toBe('ok');
    expect((await json(jar, url)).visitor).toContain('visitor');
    expect((await only(store)).text).toBe(bare);
    expect((await sessions.read(jar.header))?.data).not.toHaveProperty('visitor');
  });

  it('gives a date back as a date, though JSON has only text', async () => {
    const { url } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/since`, post());
    expect(await json(jar, url)).toMatchObject({ isDate: true, since: '1970-01-02T00:00:00.000Z' });
  });

  it('never has a transform work on its own result while the app leaves the key alone', async () => {
    const { url, sessions } = await start({ touchInterval: 0 });
    const cookie = await sessions.cookieFor({ data: { count: 1 } });
    const jar = new Jar();
    jar.cookies.set('sid', cookie.slice('sid='.length));
    for (let i = 0; i < 3; i += 1) {
      expect((await json(jar, url)).count).toBe(2);
      await jar.fetch(`${url}/set`, post({ cart: [`item ${i}`] }));
    }
    expect((await sessions.read(cookie))?.data).toMatchObject({ count: 1, cart: ['item 2'] });
    expect(warnings).toEqual([expect.stringContaining('session.count')]);
  });

  it('drops a key that is refused, with an event, and not the session', async () => {
    const { url, sessions } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post());
    await start(
      { schema: z.object({ user: z.object({ name: z.string() }), cart: z.string().optional() }) },
      running!.app.get(SessionStore) as MemoryStore,
    );
    const { text } = await only(running!.app.get(SessionStore) as MemoryStore);
    expect((await sessions.read(jar.header))?.data).toHaveProperty('cart');
    const answer = await json(jar, running!.url);
    expect(answer).toMatchObject({ status: 200, principal: '7', user: { name: 'Ada' } });
    expect(answer).not.toHaveProperty('cart');
    expect(events).toContainEqual(expect.objectContaining({ type: 'key-dropped', reason: 'cart' }));
    expect(warnings.join()).toContain('"cart"');
    // Looking at it wrote nothing.
    expect((await only(running!.app.get(SessionStore) as MemoryStore)).text).toBe(text);
  });

  it('saves the default for a key that is refused, when anything is saved', async () => {
    const { store } = await start({ schema: undefined });
    const jar = new Jar();
    await jar.fetch(`${running!.url}/set`, post({ cart: 'no list', other: 1 }));
    const { url, sessions } = await start({}, store);
    expect(await json(jar, url)).toMatchObject({ cart: [], other: 1 });
    expect((await sessions.read(jar.header))?.data).toEqual({ cart: 'no list', other: 1 });
    await jar.fetch(`${url}/set`, post({ other: 2 }));
    expect((await sessions.read(jar.header))?.data).toMatchObject({ cart: [], other: 2 });
  });

  it('keeps a login when the schema comes to add to what it stands on', async () => {
    const { url, store } = await start({
      schema: z.object({ user: z.object({ name: z.string(), role: z.string() }).optional() }),
      touchInterval: 0,
    });
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post());
    await start(
      {
        schema: z.object({ user: z.object({ name: z.string(), theme: z.string().default('dark') }).optional() }),
        touchInterval: 0,
      },
      store,
    );
    for (let i = 0; i < 2; i += 1) {
      const response = await jar.fetch(`${running!.url}/private`);
      expect([response.status, await response.text()]).toEqual([200, '{"name":"Ada","theme":"dark"}']);
    }
    expect(events.map(({ type }) => type)).not.toContain('principal-void');
  });

  it('refuses to save what does not fit, and says which key', async () => {
    const { url, sessions } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ cart: ['apple'] }));
    expect((await jar.fetch(`${url}/set`, post({ cart: [7] }))).status).toBe(500);
    expect((await sessions.read(jar.header))?.data).toMatchObject({ cart: ['apple'] });
    expect(warnings.join()).toContain('saved');
  });

  it('keeps keys of others, though it is strict', async () => {
    const { url, sessions } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ passport: { user: 7 }, flash: { info: ['hello'] } }));
    expect(await json(jar, url)).toMatchObject({
      passport: { user: 7 },
      flash: { info: ['hello'] },
      cart: [],
      principal: '7',
    });
    expect((await sessions.read(jar.header))?.data).toMatchObject({ passport: { user: 7 } });
  });

  it('loses nothing when two requests change different keys at once, and keeps dates dates', async () => {
    const { url } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ user: { name: 'Ada' } }));
    const held = gate('first');
    const first = jar.fetch(`${url}/set`, post({ cart: ['apple'], gate: 'first' }));
    await held.arrived;
    await jar.fetch(`${url}/since`, post());
    held.open();
    expect((await first).status).toBe(201);
    expect(await json(jar, url)).toMatchObject({
      user: { name: 'Ada', role: 'member' },
      cart: ['apple'],
      isDate: true,
    });
  });

  it('gives update() a draft in the types of the schema, what is pending included', async () => {
    const { url } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/since`, post());
    expect(await json(jar, `${url}/later`, post())).toMatchObject({
      status: 201,
      cart: ['pending', 'apple'],
      since: '1970-01-02T00:00:00.001Z',
    });
    expect(await json(jar, url)).toMatchObject({ cart: ['pending', 'apple'], isDate: true });
  });

  it('leaves pipes their work on a key', async () => {
    const { url } = await start();
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ cart: ['apple'], visitor: 'ada' }));
    expect(await json(jar, `${url}/cart`)).toEqual({ status: 200, cart: ['apple'], visitor: 'ADA' });
  });

  it('shows the session to who asks only after the first byte, when its end had been moved', async () => {
    const clock = new TestClock();
    const { url, sessions } = await start({ clock, schema: undefined }, new MemoryStore({ clock }));
    const jar = new Jar();
    await jar.fetch(`${url}/set`, post({ cart: ['apple'] }));
    clock.advance(3_600_000);
    expect(await (await jar.fetch(`${url}/stream`)).text()).toBe('begun["apple"]');
    expect((await sessions.read(jar.header))?.data).toEqual({ cart: ['apple'] });
  });

  describe('with versions', () => {
    const versions: (number | undefined)[] = [];
    const old = z.object({ user: z.object({ name: z.string() }).loose().optional(), basket: z.string().optional() });
    const today = {
      schema: z.object({ user: z.object({ first: z.string() }).optional(), cart: z.array(z.string()).default([]) }),
      schemaVersion: 2,
      migrate: (data: Record<string, unknown>, version: number | undefined) => {
        versions.push(version);
        const { basket, user, ...rest } = data as { basket?: string; user?: { name: string } };
        return { ...rest, ...(user && { user: { first: user.name } }), ...(basket && { cart: basket.split(',') }) };
      },
    };

    it('migrates data of an older version, keeps the login, and writes it when it is next written', async () => {
      const clock = new TestClock();
      const { url, store } = await start({ schema: old, schemaVersion: 1, clock }, new MemoryStore({ clock }));
      const jar = new Jar();
      await jar.fetch(`${url}/login`, post());
      await jar.fetch(`${url}/set`, post({ basket: 'apple,pear', other: 1 }));
      versions.length = 0;
      const { sessions } = await start({ ...today, clock }, store);
      for (let i = 0; i < 2; i += 1) {
        expect(await json(jar, running!.url)).toMatchObject({
          user: { first: 'Ada' },
          cart: ['apple', 'pear'],
          other: 1,
          principal: '7',
        });
      }
      expect(versions).toEqual([1, 1]);
      clock.advance(120_000);
      await jar.fetch(running!.url);
      versions.length = 0;
      expect((await jar.fetch(`${running!.url}/private`)).status).toBe(200);
      expect(versions).toEqual([]);
      expect((await sessions.read(jar.header))?.data).toEqual({
        user: { first: 'Ada' },
        cart: ['apple', 'pear'],
        other: 1,
      });
      expect(events.map(({ type }) => type)).not.toContain('principal-void');
    });

    it('migrates what a request wrote that never looked into the session', async () => {
      const clock = new TestClock();
      const { url, store } = await start({ schema: undefined, clock }, new MemoryStore({ clock }));
      const jar = new Jar();
      await jar.fetch(`${url}/set`, post({ basket: 'apple' }));
      await start({ ...today, clock }, store);
      clock.advance(120_000);
      await jar.fetch(`${running!.url}/nowhere`);
      expect((await json(jar, running!.url)).cart).toEqual(['apple']);
      clock.advance(120_000);
      expect((await json(jar, running!.url)).cart).toEqual(['apple']);
    });

    it('merges with what an older process wrote meanwhile', async () => {
      const { store } = await start({ schema: undefined, schemaVersion: 1 });
      const jar = new Jar();
      await jar.fetch(`${running!.url}/set`, post({ basket: 'apple', note: 'old' }));
      const before = running!;
      running = undefined;
      await start(today, store);
      const held = gate('newer');
      const newer = jar.fetch(`${running!.url}/set`, post({ extra: 1, gate: 'newer' }));
      await held.arrived;
      await jar.fetch(`${before.url}/set`, post({ basket: 'apple,pear' }));
      held.open();
      await newer;
      const answer = await json(jar, running!.url);
      expect(answer).toMatchObject({ cart: ['apple', 'pear'], note: 'old', extra: 1 });
      expect(answer).not.toHaveProperty('basket');
      await before.close();
    });

    it('leaves data of a newer version as they are, what it would refuse included', async () => {
      const { store } = await start({ schema: undefined, schemaVersion: 3 });
      const jar = new Jar();
      await jar.fetch(`${running!.url}/set`, post({ cart: 'a new shape', other: 1 }));
      versions.length = 0;
      const { sessions } = await start(today, store);
      await jar.fetch(`${running!.url}/set`, post({ other: 2 }));
      expect(versions).toEqual([]);
      expect((await sessions.read(jar.header))?.data).toEqual({ cart: 'a new shape', other: 2 });
    });
  });
});

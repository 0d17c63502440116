import { Body, Controller, Get, Post, Query, Redirect, Req, Res, UseGuards } from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import type { Response as ExpressResponse } from 'express';
import { FileStore, MemoryStore, Session, SessionGuard, SessionId, type SessionStore } from 'nestjs-keycard';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import type { AnySession } from '../../support/scripted.js';

/** The examples of the express-session tutorials, as one writes them with Nest. */
@Controller()
class TutorialController {
  /** By hand, as the tutorials do it. */
  @Post('login')
  login(@Session() session: Session, @Body() body: { name: string }) {
    (session as AnySession).user = { id: 7, name: body.name };
    return 'Logged in';
  }

  /** With a new id, as it should be. */
  @Post('sign-in')
  async signIn(@Session() session: Session, @Body() body: { name: string }) {
    await session.login('7', { user: { id: 7, name: body.name } });
    return 'Logged in';
  }

  @Get('dashboard')
  dashboard(@Session() session: Session) {
    const { user } = session as AnySession;
    return user ? `Welcome ${(user as { name: string }).name}` : 'Please log in';
  }

  @Get('guarded')
  @UseGuards(SessionGuard)
  guarded(@Session('user' as never) user: { name: string }) {
    return `Welcome ${user.name}`;
  }

  @Post('logout')
  logout(@Session() session: Session, @Res() res: ExpressResponse) {
    session.destroy((error) => {
      if (error) res.status(500).send('Error logging out');
      else res.send('Logged out');
    });
  }

  @Post('leave')
  @Redirect('/dashboard')
  async leave(@Session() session: Session) {
    await session.destroy();
  }

  @Get('views')
  views(@Session() session: Session) {
    const kept = session as AnySession;
    kept.views = ((kept.views as number | undefined) ?? 0) + 1;
    return kept.views === 1
      ? 'Welcome to this page for the first time!'
      : `You've visited this page ${String(kept.views)} times`;
  }

  @Get('set')
  set(@Req() req: { session: AnySession }, @Query('value') value: string) {
    req.session.value = value;
    return 'Session set';
  }

  @Get('get')
  get(@Session('value' as never) value: string | undefined) {
    return value ?? 'No session data';
  }

  @Get('clear')
  clear(@Session() session: Session) {
    delete (session as AnySession).value;
    return 'Session cleared';
  }

  @Get('id')
  id(@SessionId() id: string, @Session() session: Session) {
    return String(id === session.id);
  }

  @Get('hello')
  hello(@Session() session: Session) {
    return `Hello ${typeof session}`;
  }
}

const CARD = expect.stringMatching(/^sid=s%3A[\w-]{32}\.[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);

describe('the tutorials that users of express-session come from', () => {
  let server: TestApp;
  let jar: Jar;
  const start = async (options: object = {}): Promise<void> => {
    server = await startApp([TutorialController], options);
    jar = new Jar();
  };
  const text = async (path: string, init?: RequestInit): Promise<string> =>
    (await jar.fetch(`${server.url}/${path}`, init)).text();
  afterEach(() => server.close());

  it.each(['login', 'sign-in'])('log in, show the dashboard, log out, and are anonymous again: %s', async (login) => {
    await start();
    expect(await text('dashboard')).toBe('Please log in');
    expect((await jar.fetch(`${server.url}/guarded`)).status).toBe(401);
    expect(jar.last).toEqual([]);
    expect(await text(login, post({ name: 'John Doe' }))).toBe('Logged in');
    expect(jar.last).toEqual([CARD]);
    const card = jar.header;
    expect([await text('dashboard'), await text('guarded')]).toEqual(['Welcome John Doe', 'Welcome John Doe']);
    expect(await text('logout', post())).toBe('Logged out');
    expect(jar.last).toEqual(['sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax']);
    expect(await text('dashboard')).toBe('Please log in');
    const stolen = await fetch(`${server.url}/guarded`, { headers: { cookie: card } });
    expect(stolen.status).toBe(401);
  });

  it('log out with an error path, and nobody is logged out by halves', async () => {
    const store = new ObservedStore(new MemoryStore());
    await start({ store, logger: { warn: () => undefined, error: () => undefined } });
    await text('sign-in', post({ name: 'John Doe' }));
    store.failure = new Error('down');
    store.failing = ['destroy'];
    const failed = await jar.fetch(`${server.url}/logout`, post());
    expect([failed.status, await failed.text(), jar.last]).toEqual([500, 'Error logging out', []]);
    expect(await text('guarded')).toBe('Welcome John Doe');
    store.failure = undefined;
    expect(await text('logout', post())).toBe('Logged out');
  });

  it('log out and redirect', async () => {
    await start();
    await text('sign-in', post({ name: 'John Doe' }));
    const answer = await jar.fetch(`${server.url}/leave`, post());
    expect([answer.status, answer.headers.get('location'), await text('dashboard')]).toEqual([
      302,
      '/dashboard',
      'Please log in',
    ]);
  });

  it('count views with a cookie of one day', async () => {
    const store = new MemoryStore();
    await start({ store, cookie: { maxAge: '1d' } });
    expect(await text('views')).toBe('Welcome to this page for the first time!');
    const expires = Date.parse(/Expires=([^;]+)/.exec(jar.last[0]!)![1]!);
    expect(Math.abs(expires - Date.now() - 86_400_000)).toBeLessThan(10_000);
    expect([await text('views'), await text('views')]).toEqual([
      "You've visited this page 2 times",
      "You've visited this page 3 times",
    ]);
    expect(await store.count()).toBe(1);
    // Each visitor has a count of his own.
    jar = new Jar();
    expect(await text('views')).toBe('Welcome to this page for the first time!');
  });

  it('set, get and clear a value', async () => {
    await start();
    expect(await text('get')).toBe('No session data');
    expect(await text('set?value=blue')).toBe('Session set');
    expect(await text('get')).toBe('blue');
    expect(await text('clear')).toBe('Session cleared');
    expect(await text('get')).toBe('No session data');
    expect(await text('id')).toBe('true');
  });

  it('with saveUninitialized: false keep no visitor who did nothing; with true, each', async () => {
    for (const [saveUninitialized, kept] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const store = new MemoryStore();
      await start({ store, saveUninitialized, resave: false });
      expect(await text('hello')).toBe('Hello object');
      expect([jar.last.length, await store.count()]).toEqual([kept, kept]);
      if (!saveUninitialized) await server.close();
    }
  });

  it('with resave: false write only what changed; with true, at each request', async () => {
    for (const [resave, calls] of [
      [false, ['load']],
      [true, ['load', 'replace']],
    ] as const) {
      const store = new ObservedStore(new MemoryStore());
      await start({ store, resave, saveUninitialized: false });
      await text('views');
      store.forget();
      await text('hello');
      expect(store.names).toEqual(calls);
      if (!resave) await server.close();
    }
  });

  it('swap the store in the options, and change nothing else', async () => {
    const path = await mkdtemp(join(tmpdir(), 'keycard-tutorial-'));
    const stores: SessionStore[] = [new MemoryStore(), new FileStore({ path })];
    for (const store of stores) {
      await start({ store });
      expect([await text('views'), await text('views')]).toEqual([
        'Welcome to this page for the first time!',
        "You've visited this page 2 times",
      ]);
      if (store !== stores.at(-1)) await server.close();
    }
    // It outlives the app.
    expect((await readdir(path)).filter((name) => name.endsWith('.json')).length).toBe(1);
    await server.close();
    server = await startApp([TutorialController], { store: new FileStore({ path }) });
    expect(await text('views')).toBe("You've visited this page 3 times");
    await rm(path, { recursive: true });
  });
});

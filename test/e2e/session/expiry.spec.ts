import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const controller = scripted({
  start: (session) => void (session.name = 'Ann'),
  look: (session) => String(session.name ?? 'stranger'),
  remember: (session) => {
    session.name = 'Ann';
    session.cookie.maxAge = 14 * DAY;
  },
  forget: (session) => void (session.cookie.maxAge = null),
  times: (session) => ({
    isNew: session.info.isNew,
    createdAt: session.info.createdAt.getTime(),
    lastSeenAt: session.info.lastSeenAt.getTime(),
    expiresAt: session.info.expiresAt.getTime(),
    maxAge: session.cookie.maxAge,
  }),
  touch: (session) => void session.touch(),
});

describe("a session's life", () => {
  let clock: TestClock;
  let server: TestApp;
  let jar: Jar;
  const start = async (options: object = {}): Promise<void> => {
    clock = new TestClock();
    server = await startApp([controller], { store: new MemoryStore({ clock }), clock, ...options });
    jar = new Jar();
    await visit('start');
  };
  const visit = async (script: string): Promise<string> => (await jar.fetch(`${server.url}/s/${script}`)).text();
  const end = (): string | undefined => /Expires=([^;]+)/.exec(jar.last[0] ?? '')?.[1];
  afterEach(() => server.close());

  it('ends after the idle time without a request, to the millisecond', async () => {
    await start({ idleTimeout: '1h' });
    clock.advance(HOUR - 1);
    expect(await visit('look')).toBe('Ann');
    clock.advance(HOUR - 1);
    expect(await visit('look')).toBe('Ann');
    clock.advance(HOUR);
    expect(await visit('look')).toBe('stranger');
  });

  it('is a day without options, and 30 days however busy', async () => {
    await start();
    clock.advance(DAY - 1);
    expect(await visit('look')).toBe('Ann');
    for (let day = 1; day < 30; day += 1) {
      clock.advance(DAY - 1);
      expect([day, await visit('look')]).toEqual([day, 'Ann']);
    }
    clock.advance(29);
    expect(await visit('look')).toBe('Ann');
    clock.advance(1);
    expect(await visit('look')).toBe('stranger');
  });

  it('ends at the absolute timeout, even if requests go on and the cookie lasts longer', async () => {
    await start({ idleTimeout: '1h', absoluteTimeout: '90m', cookie: { maxAge: '7d' } });
    clock.advance(59 * MINUTE);
    expect(await visit('look')).toBe('Ann');
    expect(JSON.parse(await visit('times'))).toMatchObject({ expiresAt: clock.time + 31 * MINUTE });
    clock.advance(31 * MINUTE - 1);
    expect(await visit('look')).toBe('Ann');
    clock.advance(1);
    expect(await visit('look')).toBe('stranger');
  });

  it('knows no absolute end with absoluteTimeout: false', async () => {
    await start({ absoluteTimeout: false });
    for (let day = 0; day < 60; day += 1) {
      clock.advance(DAY - 1);
      expect(await visit('look')).toBe('Ann');
    }
  });

  it('takes its idle time from cookie.maxAge, and no cookie outlives it in the browser', async () => {
    await start({ cookie: { maxAge: '2h' } });
    expect(end()).toBe(new Date(clock.time + 2 * HOUR).toUTCString());
    clock.advance(2 * HOUR - 1);
    expect(await visit('look')).toBe('Ann');
    clock.advance(2 * HOUR);
    expect(await visit('look')).toBe('stranger');
  });

  it('is pushed back at most once in a touchInterval, and the cookie with it', async () => {
    await start({ cookie: { maxAge: '1d' }, touchInterval: '10m' });
    const began = clock.time;
    clock.advance(10 * MINUTE - 1);
    await visit('look');
    expect([jar.last, JSON.parse(await visit('times'))]).toEqual([
      [],
      expect.objectContaining({ lastSeenAt: began, expiresAt: began + DAY }),
    ]);
    clock.advance(1);
    await visit('look');
    expect(end()).toBe(new Date(clock.time + DAY).toUTCString());
    expect(JSON.parse(await visit('times'))).toMatchObject({
      createdAt: began,
      lastSeenAt: clock.time,
      expiresAt: clock.time + DAY,
    });
    expect(jar.last).toEqual([]);
  });

  it('is pushed back at each request with touchInterval: 0, and at any by session.touch()', async () => {
    await start({ cookie: { maxAge: '1d' }, touchInterval: 0 });
    clock.advance(SECOND);
    await visit('look');
    expect(end()).toBe(new Date(clock.time + DAY).toUTCString());
    await server.close();
    await start({ cookie: { maxAge: '1d' } });
    clock.advance(SECOND);
    await visit('look');
    expect(jar.last).toEqual([]);
    await visit('touch');
    expect(end()).toBe(new Date(clock.time + DAY).toUTCString());
  });

  it('with rolling: false lasts on the server, while the cookie keeps the end it was first given', async () => {
    await start({ cookie: { maxAge: '1d' }, idleTimeout: '1d', rolling: false });
    const first = end();
    for (let n = 0; n < 5; n += 1) {
      clock.advance(20 * HOUR);
      expect(await visit('look')).toBe('Ann');
      expect(jar.last).toEqual([]);
    }
    expect(first).toBe(new Date(clock.time - 100 * HOUR + DAY).toUTCString());
  });

  it('has a cookie that ends with the browser if no maxAge is given, and is not sent again', async () => {
    await start();
    expect(jar.last).toEqual([expect.not.stringContaining('Expires')]);
    clock.advance(HOUR);
    await visit('look');
    expect(jar.last).toEqual([]);
  });

  it('keeps what session.cookie.maxAge was set to, with this session only ("remember me")', async () => {
    await start({ cookie: { maxAge: '1h' } });
    const other = jar;
    jar = new Jar();
    await visit('remember');
    expect(end()).toBe(new Date(clock.time + 14 * DAY).toUTCString());
    clock.advance(13 * DAY);
    expect(await visit('look')).toBe('Ann');
    expect(end()).toBe(new Date(clock.time + 14 * DAY).toUTCString());
    clock.advance(13 * DAY);
    expect(await visit('look')).toBe('Ann');
    jar = other;
    expect(await visit('look')).toBe('stranger');
    await visit('start');
    expect(end()).toBe(new Date(clock.time + HOUR).toUTCString());
  });

  it('turns into a browser-session cookie by session.cookie.maxAge = null', async () => {
    await start({ cookie: { maxAge: '1h' } });
    await visit('forget');
    expect(jar.last).toEqual([expect.not.stringContaining('Expires')]);
    clock.advance(30 * MINUTE);
    expect(await visit('look')).toBe('Ann');
    expect(jar.last).toEqual([]);
  });

  it('follows the options of today, whatever the cookie said when it began', async () => {
    clock = new TestClock();
    const store = new MemoryStore({ clock });
    server = await startApp([controller], { store, clock, cookie: { maxAge: '1h', sameSite: 'strict' } });
    jar = new Jar();
    await visit('start');
    expect(jar.last[0]).toMatch(/SameSite=Strict/);
    await server.close();
    server = await startApp([controller], { store, clock, cookie: { maxAge: '2d', sameSite: 'lax' } });
    clock.advance(30 * MINUTE);
    expect(await visit('look')).toBe('Ann');
    expect([end(), jar.last[0]]).toEqual([
      new Date(clock.time + 2 * DAY).toUTCString(),
      expect.stringMatching(/SameSite=Lax/),
    ]);
  });
});

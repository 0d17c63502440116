import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Jar } from '../../support/app.js';
import { type RunningSample, SampleClone } from '../../support/sample.js';

const form = (fields: Record<string, string>, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(fields),
  headers: { accept: 'text/html', ...headers },
});
const ADA = { name: 'ada', password: 'analytical engine' };

describe('npm run sample, in a fresh clone', () => {
  let clone: SampleClone;
  let sample: RunningSample;
  const data = (file: string): string => join(clone.path, 'sample', '01-login', file);
  const visit = (jar: Jar, path: string, init?: RequestInit): Promise<Response> =>
    jar.fetch(`${sample.url}${path}`, init);
  const loggedIn = async (fields = ADA): Promise<Jar> => {
    const jar = new Jar();
    expect((await visit(jar, '/login', form(fields))).status).toBe(303);
    return jar;
  };

  beforeAll(async () => {
    clone = await SampleClone.make();
    sample = await clone.start();
  }, 120_000);
  afterAll(async () => {
    await sample?.stop();
    await clone?.remove();
  });

  it('is what the script of that name in package.json starts', async () => {
    const { scripts } = JSON.parse(await readFile(join(clone.path, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts.sample).toBe('node scripts/sample.mjs');
  });

  it('says where it is, which store it has, and who may log in', () => {
    expect(sample.said).toContain(sample.url);
    expect(sample.said).toContain('FileStore');
    expect(sample.said).toMatch(/ada +password: analytical engine/);
  });

  it('sends an anonymous visitor to the login page, without a cookie', async () => {
    const jar = new Jar();
    const dashboard = await visit(jar, '/dashboard');
    expect([dashboard.status, dashboard.headers.get('location')]).toEqual([303, '/login?notice=login-required']);
    const login = await visit(jar, '/login?notice=login-required');
    expect(login.status).toBe(200);
    expect(await login.text()).toContain('Please log in to see that page.');
    expect(jar.cookies.size).toBe(0);
  });

  it('logs in with one HttpOnly, SameSite cookie, counts visits, logs out, and the old cookie is invalid', async () => {
    const jar = await loggedIn();
    expect(jar.last).toEqual([
      expect.stringMatching(/^sid=s%3A[\w-]{32}\.[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/),
    ]);
    const first = await visit(jar, '/dashboard');
    expect(first.status).toBe(200);
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(await first.text()).toContain('This is your first visit with this card.');
    expect(await (await visit(jar, '/dashboard')).text()).toContain('You have visited this page 2 times.');
    const old = jar.header;
    const logout = await visit(jar, '/logout', form({}));
    expect(logout.status).toBe(303);
    expect(jar.last).toEqual(['sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax']);
    const after = await fetch(`${sample.url}/dashboard`, { headers: { cookie: old }, redirect: 'manual' });
    expect([after.status, after.headers.get('location')]).toEqual([303, '/login?notice=session-ended']);
  });

  it('says plainly that a password is wrong, and keeps no session of it', async () => {
    const jar = new Jar();
    for (const fields of [{ name: 'ada', password: 'wrong' }, { name: 'nobody', password: 'analytical engine' }, {}]) {
      const answer = await visit(jar, '/login', form(fields as Record<string, string>));
      expect(answer.status).toBe(401);
      expect(await answer.text()).toContain('That name and password do not go together.');
    }
    expect(jar.cookies.size).toBe(0);
  });

  it('sends the holder of a tampered cookie to the login page, with a plain message', async () => {
    const jar = await loggedIn();
    const tampered = jar.header.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const answer = await fetch(`${sample.url}/cart`, { headers: { cookie: tampered } });
    expect(answer.redirected).toBe(true);
    expect(await answer.text()).toContain('Your session has ended.');
  });

  it('shows what a visitor typed as text, never as markup', async () => {
    const answer = await visit(new Jar(), '/login', form({ name: '"><script>alert(1)</script>', password: 'x' }));
    const page = await answer.text();
    expect(page).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(page).not.toContain('<script>alert');
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site' }],
    ['another origin, said by an older browser', { origin: 'http://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
  ])('does nothing for a form of %s', async (_title, headers) => {
    const jar = await loggedIn();
    expect((await visit(jar, '/logout', form({}, headers))).status).toBe(403);
    expect((await visit(jar, '/dashboard')).status).toBe(200);
    expect((await visit(new Jar(), '/login', form(ADA, headers))).status).toBe(403);
  });

  it('loses nothing of a cart that many requests change at once', async () => {
    const jar = await loggedIn({ name: 'grace', password: 'nanosecond of wire' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' } };
    const more = (sku: string): Promise<Response> =>
      visit(jar, '/cart/items', { ...init, body: JSON.stringify({ sku, by: 1 }) });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => more(index % 2 ? 'coffee' : 'fruit')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const cart = (await (await visit(jar, '/cart/items')).json()) as { lines: { sku: string; count: number }[] };
    expect(Object.fromEntries(cart.lines.map(({ sku, count }) => [sku, count]))).toMatchObject({
      coffee: 20,
      fruit: 20,
    });
  });

  it('ends a session from another of the same guest, and never that of another guest', async () => {
    const [one, other, grace] = [
      await loggedIn(),
      await loggedIn(),
      await loggedIn({ name: 'grace', password: 'nanosecond of wire' }),
    ];
    const handleOf = async (jar: Jar): Promise<string> => {
      const page = await (await visit(jar, '/devices')).text();
      return /data-device="this"[\s\S]*?\/devices\/([\w-]+)\/logout/.exec(page)![1]!;
    };
    const [otherHandle, graceHandle] = [await handleOf(other), await handleOf(grace)];
    const end = async (handle: string) =>
      (await visit(one, `/devices/${handle}/logout`, form({}))).headers.get('location');
    expect(await end(graceHandle)).toBe('/devices?notice=device-gone');
    expect((await visit(grace, '/cart')).status).toBe(200);
    expect(await end(otherHandle)).toBe('/devices?notice=device-logged-out');
    expect((await visit(other, '/cart')).status).toBe(303);
    expect((await visit(one, '/devices/logout-everywhere', form({}))).status).toBe(303);
    expect((await visit(one, '/cart')).status).toBe(303);
  });

  it('asks for the password again before devices are logged out, if the login was a while ago', async () => {
    const strict = await clone.start({ RECENT_LOGIN: '1ms' });
    try {
      const jar = await loggedIn();
      const send = (path: string, fields = {}) => jar.fetch(strict.url + path, form(fields));
      for (const path of ['/devices/logout-others', '/devices/logout-everywhere', '/devices/any/logout']) {
        expect((await send(path)).headers.get('location')).toBe('/confirm');
      }
      const before = jar.header;
      const wrong = await send('/confirm', { name: 'grace', password: 'nanosecond of wire' });
      expect([wrong.status, jar.header]).toEqual([401, before]);
      expect((await send('/confirm', { password: 'analytical engine' })).headers.get('location')).toBe(
        '/devices?notice=confirmed',
      );
      expect(jar.header).not.toBe(before);
      expect((await visit(jar, '/devices/logout-others', form({}))).headers.get('location')).toBe(
        '/devices?notice=others-logged-out',
      );
    } finally {
      await strict.stop();
    }
  });

  it('answers a script that has no session with a 401, and not with a page', async () => {
    const answer = await visit(new Jar(), '/cart/items', { headers: { accept: 'application/json' } });
    expect([answer.status, await answer.json()]).toEqual([401, { statusCode: 401, message: 'Please log in.' }]);
  });

  it('keeps the secret and the sessions to its owner', async () => {
    expect((await stat(data('.session-secret'))).mode & 0o777).toBe(0o600);
    expect((await stat(data('.sessions'))).mode & 0o777).toBe(0o700);
  });

  it('shows a page that helps while the store is away, and continues by itself when it is back', async () => {
    const jar = await loggedIn();
    await rename(data('.sessions'), data('.sessions-away'));
    await writeFile(data('.sessions'), 'no folder');
    try {
      for (const [path, init] of [
        ['/dashboard', {}],
        ['/devices', {}],
        ['/login', form(ADA)],
      ] as const) {
        const answer = await visit(path === '/login' ? new Jar() : jar, path, {
          headers: { accept: 'text/html' },
          ...init,
        });
        expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '5']);
        expect(await answer.text()).toContain('We can not reach the place where sessions are kept.');
      }
      expect((await visit(new Jar(), '/login')).status).toBe(200);
    } finally {
      await rm(data('.sessions'));
      await rename(data('.sessions-away'), data('.sessions'));
    }
    expect((await visit(jar, '/dashboard')).status).toBe(200);
  });

  it('keeps everyone logged in over a restart', async () => {
    const jar = await loggedIn();
    await visit(jar, '/dashboard');
    await sample.stop();
    sample = await clone.start();
    expect(await (await visit(jar, '/dashboard')).text()).toContain('You have visited this page 2 times.');
  }, 60_000);

  it.each([
    [
      'which stores there are',
      { SESSION_STORE: 'floppy' },
      'SESSION_STORE is "floppy"; it takes memory, file, redis, postgres, mongo.',
    ],
    ['what a port is', { PORT: 'abc' }, 'PORT is "abc"; it takes a number from 0 to 65535.'],
    ['that the store does not answer', { SESSION_STORE: 'redis', REDIS_URL: 'redis://127.0.0.1:1' }, "doesn't answer"],
  ])('says in a sentence, and without a stack, %s', async (_what, env, says) => {
    const failure = await clone.start(env).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(failure).toContain(says);
    expect(failure).not.toMatch(/\n\s+at /);
  });

  it('says in a sentence which other port to take if its own is taken', async () => {
    const port = Number(new URL(sample.url).port);
    await expect(clone.start({ PORT: String(port) })).rejects.toThrow(`PORT=${port + 1} npm run sample takes another.`);
  });

  it('keeps no session of an anonymous visit', async () => {
    await mkdir(data('.sessions'), { recursive: true });
    const before = (await readdir(data('.sessions'), { recursive: true })).length;
    for (const path of ['/', '/login', '/dashboard', '/assets/style.css', '/nowhere']) await visit(new Jar(), path);
    expect((await readdir(data('.sessions'), { recursive: true })).length).toBe(before);
  });
});

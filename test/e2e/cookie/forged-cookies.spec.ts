import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, signed, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

const controller = scripted({
  write: (session) => {
    session.views = ((session.views as number | undefined) ?? 0) + 1;
    return { views: session.views };
  },
  read: (session) => ({ views: session.views ?? null }),
});

describe('a cookie that is not ours', () => {
  let store: ObservedStore;
  let server: TestApp;
  const get = (path: string, cookie: string) => fetch(`${server.url}${path}`, { headers: { cookie } });

  beforeEach(async () => {
    store = new ObservedStore(new MemoryStore());
    server = await startApp([controller], { store });
    store.forget();
  });
  afterEach(() => server.close());

  it.each([
    ['no signature', 'sid=abc'],
    ['a forged signature', `sid=s%3Aabc.${'A'.repeat(43)}`],
    ['a signature by another secret', `sid=${encodeURIComponent(signed('abc', 'another secret of thirty-two bytes'))}`],
    ['an id of 257 characters', `sid=${encodeURIComponent(signed('x'.repeat(257)))}`],
    ['an id of 8,000 characters', `sid=${encodeURIComponent(signed('x'.repeat(8_000)))}`],
    ['an id with a blank', `sid=${encodeURIComponent(signed('a b'))}`],
    ['an id with a line break', `sid=${encodeURIComponent(signed('a\r\nb'))}`],
    ['an id with letters beyond ASCII', `sid=${encodeURIComponent(signed('é'))}`],
    ['a malformed escape', `sid=${encodeURIComponent(signed('abc'))}%E0%A4%A`],
    ['nothing in it', 'sid='],
  ])('never reaches the store: %s', async (_, cookie) => {
    const response = await get('/s/read', cookie);
    expect([response.status, await response.json(), response.headers.getSetCookie()]).toEqual([
      200,
      { views: null },
      [],
    ]);
    expect(store.calls).toEqual([]);
  });

  it.each([
    '../../etc/passwd',
    'a/b',
    '..',
    '.',
    'con',
    '__proto__',
    'constructor',
    '"',
    "'; drop table session; --",
    '%00',
    '{"$gt":""}',
    'x'.repeat(256),
  ])('leaves the visitor a stranger when it is well signed and unknown: %s', async (id) => {
    const cookie = `sid=${encodeURIComponent(signed(id))}`;
    const response = await get('/s/write', cookie);
    const isAsked = /^[\x21-\x7e]{1,256}$/.test(id);
    expect([response.status, await response.json()]).toEqual([200, { views: 1 }]);
    // An unknown id is never adopted.
    expect(response.headers.getSetCookie()[0]).toMatch(/^sid=s%3A[\w-]{32}\./);
    expect(store.calls.filter((call) => call.method === 'load').map((call) => call.id)).toEqual(isAsked ? [id] : []);
    expect(store.calls.filter((call) => call.method === 'create').map((call) => call.id)).not.toContain(id);
  });

  it('does not hide a good one behind it, and costs no store call of its own (#13.6)', async () => {
    const jar = new Jar();
    await jar.fetch(`${server.url}/s/write`);
    const good = jar.header;
    const bad = `sid=s%3Aabc.${'A'.repeat(43)}`;
    store.forget();
    expect(await (await get('/s/read', `${bad}; ${good}`)).json()).toEqual({ views: 1 });
    expect(store.calls).toHaveLength(1);
    expect(await (await get('/s/read', `${good}; ${bad}`)).json()).toEqual({ views: 1 });
    const behind = await get('/s/write', `${bad}; ${good}`);
    expect([behind.status, await behind.json()]).toEqual([200, { views: 2 }]);
    expect(await (await get('/s/read', `${`${bad}; `.repeat(4)}${good}`)).json()).toEqual({ views: null });
  });

  it("with any one of the last letter's 63 others, those that decode to the same bytes included, is a stranger's", async () => {
    const jar = new Jar();
    await jar.fetch(`${server.url}/s/write`);
    const value = decodeURIComponent(jar.cookies.get('sid')!);
    store.forget();
    let sameBytes = 0;
    for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
      if (letter === value.at(-1)) continue;
      const other = value.slice(0, -1) + letter;
      if (Buffer.from(other.slice(-43), 'base64').equals(Buffer.from(value.slice(-43), 'base64'))) sameBytes += 1;
      expect(await (await get('/s/read', `sid=${encodeURIComponent(other)}`)).json()).toEqual({ views: null });
    }
    expect([sameBytes, store.calls.length]).toEqual([3, 0]);
  });
});

describe('genid', () => {
  it('makes the ids, and is given the request', async () => {
    const store = new ObservedStore(new MemoryStore());
    let n = 0;
    const server = await startApp([controller], {
      store,
      genid: (req) => `tenant:${String(req!.headers['x-tenant'])}/${(n += 1)}`,
    });
    store.forget();
    const jar = new Jar();
    await jar.fetch(`${server.url}/s/write`, { headers: { 'x-tenant': 'north' } });
    expect(store.calls.map((call) => [call.method, call.id])).toEqual([['create', 'tenant:north/1']]);
    expect(await (await jar.fetch(`${server.url}/s/read`)).json()).toEqual({ views: 1 });
    await server.close();
  });

  it("that gives a taken id is asked again, and nobody gets the other's session", async () => {
    const store = new ObservedStore(new MemoryStore());
    const ids = ['one', 'one', 'two'];
    const server = await startApp([controller], { store, genid: () => ids.shift()! });
    store.forget();
    const [first, second] = [new Jar(), new Jar()];
    await first.fetch(`${server.url}/s/write`);
    expect(await (await second.fetch(`${server.url}/s/write`)).json()).toEqual({ views: 1 });
    expect(store.calls.map((call) => [call.method, call.id])).toEqual([
      ['create', 'one'],
      ['create', 'one'],
      ['create', 'two'],
    ]);
    expect(second.header).toContain('two');
    await server.close();
  });

  it.each([
    ['empty text', ''],
    ['a blank', 'a b'],
    ['257 characters', 'x'.repeat(257)],
    ['a number', 7],
    ['nothing', undefined],
  ])('that gives %s is an error that says so, and nothing is saved', async (_, id) => {
    const store = new ObservedStore(new MemoryStore());
    const errors: string[] = [];
    const logger = {
      warn: () => undefined,
      error: (message: string, cause?: unknown) => void errors.push(`${message} ${String(cause)}`),
    };
    const server = await startApp([controller], { store, logger, genid: () => id as string });
    store.forget();
    const response = await fetch(`${server.url}/s/write`);
    expect([response.status, response.headers.getSetCookie(), store.calls]).toEqual([500, [], []]);
    expect(errors.join()).toContain('"genid" returned');
    await server.close();
  });
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore, SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';
import { assertSerializable } from '../../../lib/session/session-values.js';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { ObservedStore } from '../../support/observed-store.js';
import { type AnySession, scripted } from '../../support/scripted.js';

function nested(levels: number): object {
  const top: Record<string, unknown> = {};
  let at = top;
  for (let n = 0; n < levels; n += 1) at = at.a = {};
  return top;
}
const cycle = (): object => {
  const one: Record<string, unknown> = { list: [1] };
  (one.list as unknown[]).push(one);
  return one;
};
class Hostile {
  toJSON(): never {
    throw new Error('toJSON threw');
  }
}

/** What mongoose, knex and others give for a query: it runs when somebody awaits it. */
class Query {
  readonly table = 'users';
  then(): never {
    throw new Error('the query ran');
  }
}
class Money {
  readonly #cents = 5;
  get cents(): number {
    return this.#cents;
  }
}

const BAD: [string, () => unknown, string, RegExp][] = [
  ['a BigInt', () => 1n, 'NOT_SERIALIZABLE', /session\.bad holds a bigint/],
  [
    'a nested BigInt',
    () => ({ list: [{ price: 5n }] }),
    'NOT_SERIALIZABLE',
    /session\.bad\.list\[0\]\.price holds a bigint/,
  ],
  ['a function', () => () => 1, 'NOT_SERIALIZABLE', /session\.bad holds a function/],
  [
    'a nested function',
    () => ({ on: { click: () => 1 } }),
    'NOT_SERIALIZABLE',
    /session\.bad\.on\.click holds a function/,
  ],
  ['a symbol', () => Symbol('x'), 'NOT_SERIALIZABLE', /session\.bad holds a symbol/],
  ['a Map (#13.7)', () => new Map([[1, 2]]), 'NOT_SERIALIZABLE', /session\.bad holds a Map, .*array or an object/],
  ['a nested Set (#13.7)', () => ({ a: [new Set([1])] }), 'NOT_SERIALIZABLE', /session\.bad\.a\[0\] holds a Set/],
  ['a RegExp (#13.7)', () => /x/, 'NOT_SERIALIZABLE', /session\.bad holds a RegExp/],
  ['an Error (#13.7)', () => new RangeError('x'), 'NOT_SERIALIZABLE', /session\.bad holds a RangeError/],
  ['a class of private fields (#13.7)', () => new Money(), 'NOT_SERIALIZABLE', /session\.bad holds a Money/],
  ['a promise (#13.7)', () => Promise.resolve({ id: 7 }), 'NOT_SERIALIZABLE', /session\.bad holds a promise.*"await"/],
  [
    'a nested promise (#13.7)',
    () => ({ a: Promise.resolve(1) }),
    'NOT_SERIALIZABLE',
    /session\.bad\.a holds a promise/,
  ],
  ['a query of an ORM (#13.7)', () => new Query(), 'NOT_SERIALIZABLE', /session\.bad holds a promise.*"await"/],
  ['a cycle', cycle, 'TOO_DEEP', /contains itself/],
  ['a toJSON that throws', () => new Hostile(), 'NOT_SERIALIZABLE', /toJSON threw/],
  ['objects nested 10,000 deep', () => nested(10_000), 'TOO_DEEP', /nested deeper than 500 levels/],
  [
    'arrays nested 10,000 deep',
    () => JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) as unknown,
    'TOO_DEEP',
    /nested deeper than 500 levels/,
  ],
  ['2 MiB of text', () => 'x'.repeat(2 * 1_048_576), 'TOO_LARGE', /more than "maxRecordBytes" \(1048576\)/],
  ['600 KiB of text that takes 1.2 MiB', () => 'é'.repeat(600 * 1_024), 'TOO_LARGE', /more than "maxRecordBytes"/],
];

let bad: () => unknown;
let told: unknown;
const tell = async (saving: Promise<unknown>): Promise<void> => {
  told = await saving.then(
    () => 'saved',
    (error: unknown) => error,
  );
};

const controller = scripted({
  start: (session) => void (session.good = 1),
  look: (session) => ({ ...session }),
  change: (session) => void (session.bad = bad()),
  save: async (session) => {
    session.bad = bad();
    await tell(session.save());
    // What the app holds is still there, and can be put right.
    delete session.bad;
    session.after = 1;
  },
  update: (session) => tell(session.update((draft) => void ((draft as AnySession).bad = bad()))),
  login: async (session) => {
    await session.login('7', { user: { name: 'Ann' } });
    session.bad = bad();
  },
});

describe("a value that JSON can't carry", () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  let errors: unknown[];
  const visit = (script: string) => jar.fetch(`${server.url}/s/${script}`);

  beforeEach(async () => {
    errors = [];
    told = undefined;
    store = new ObservedStore(new MemoryStore());
    server = await startApp([controller], {
      store,
      logger: { warn: () => undefined, error: (_message, cause) => void errors.push(cause) },
    });
    jar = new Jar();
    await visit('start');
  });
  afterEach(() => server.close());

  it.each(BAD)(
    'is a clear error where it is saved: %s; nothing is lost, and the app goes on',
    async (_, make, code, says) => {
      bad = make;
      store.forget();
      const answer = await visit('change');
      expect([answer.status, await answer.json()]).toEqual([
        500,
        { statusCode: 500, error: 'Internal Server Error', message: 'The session could not be saved.' },
      ]);
      expect(errors).toEqual([
        expect.objectContaining({ name: 'SessionDataError', code, message: expect.stringMatching(says) }),
      ]);
      expect(store.names).toEqual(['load']);
      expect(await (await visit('look')).json()).toEqual({ good: 1 });
    },
  );

  it.each(BAD)('is reported to the caller of save(): %s', async (_, make, code, says) => {
    bad = make;
    expect((await visit('save')).status).toBe(200);
    expect(told).toMatchObject({ name: 'SessionDataError', code, message: expect.stringMatching(says) });
    expect(await (await visit('look')).json()).toEqual({ good: 1, after: 1 });
  });

  it.each(BAD)('is reported to the caller of update(): %s', async (_, make, code) => {
    bad = make;
    await visit('update');
    expect(told).toMatchObject({ name: 'SessionDataError', code });
    expect(await (await visit('look')).json()).toEqual({ good: 1 });
  });

  it('makes a login fail as a whole: the old session is as it was', async () => {
    bad = () => 1n;
    const answer = await visit('login');
    expect([answer.status, answer.headers.getSetCookie(), await store.count()]).toEqual([500, [], 1]);
    expect(await (await visit('look')).json()).toEqual({ good: 1 });
  });

  it('is none if JSON can hold it: dates, undefined, toJSON', async () => {
    bad = () => ({ at: new Date(0), nothing: undefined, map: { toJSON: () => 'as text' } });
    expect((await visit('change')).status).toBe(200);
    expect(await (await visit('look')).json()).toEqual({
      good: 1,
      bad: { at: '1970-01-01T00:00:00.000Z', map: 'as text' },
    });
  });
});

/**
 * A TypeORM entity with a lazy relation, as TypeORM 1.1 makes it: the property can't be enumerated. Reading it starts the query; the entity
 * holds the promise until that is done, and then what was found.
 */
class User {
  readonly id = 7;
  queries = 0;
  declare posts: Promise<string[]>;
  declare __promise_posts__?: Promise<string[]>;
  declare __posts__?: string[];
  declare __has_posts__?: boolean;
  constructor() {
    Object.defineProperty(this, 'queries', { enumerable: false, writable: true });
    Object.defineProperty(this, 'posts', {
      configurable: true,
      enumerable: false,
      get(this: User) {
        if (this.__has_posts__) return Promise.resolve(this.__posts__);
        if (this.__promise_posts__) return this.__promise_posts__;
        this.queries += 1;
        const loading = new Promise<string[]>((resolve) => setImmediate(resolve, ['one']));
        this.__promise_posts__ = loading;
        return loading.then((posts) => {
          delete this.__promise_posts__;
          Object.assign(this, { __posts__: posts, __has_posts__: true });
          return posts;
        });
      },
    });
  }
}

describe('data that JSON would change without a word', () => {
  const warnings: string[] = [];
  const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
  let value: unknown;
  let server: TestApp;
  let jar: Jar;
  const visit = (path: string) => jar.fetch(`${server.url}/${path}`);

  @Controller('guarded')
  class GuardedController {
    @Get()
    @UseGuards(SessionGuard)
    inside() {
      return 'inside';
    }
  }
  const scripts = scripted({
    put: (session) => void (session.user = value),
    count: (session) => void (session.count = { n: Number.NaN, list: [Infinity] }),
    look: (session) => ({ ...session }),
    replace: async (session) => {
      session.at = {};
      await session.save();
      session.at = new Map([[1, 2]]);
    },
  });

  beforeEach(async () => {
    warnings.length = 0;
    jar = new Jar();
    server = await startApp(
      [scripts, GuardedController],
      { logger },
      {
        before: (app) =>
          void app.use(
            (req: { headers: Record<string, unknown>; session?: AnySession }, _: unknown, next: () => void) => {
              if (req.headers['x-forgot'] === 'promise') req.session!.user = Promise.resolve(undefined);
              if (req.headers['x-forgot'] === 'query') req.session!.user = new Query();
              if (req.headers['x-forgot'] === 'call') req.session!.user = () => undefined;
              next();
            },
          ),
      },
    );
  });
  afterEach(() => server.close());

  it.each(['promise', 'query', 'call'])(
    'admits nobody by a forgotten await or call, in the same request: %s (#13.7)',
    async (forgot) => {
      const answer = await jar.fetch(`${server.url}/guarded`, { headers: { 'x-forgot': forgot } });
      expect(answer.status).not.toBe(200);
      expect((await visit('guarded')).status).toBe(401);
    },
  );

  it('admits nobody by a forgotten await, in the next request (#13.7)', async () => {
    value = Promise.resolve(undefined);
    expect((await visit('s/put')).status).toBe(500);
    expect((await visit('guarded')).status).toBe(401);
  });

  it('refuses a Map in place of {}, though the JSON is the same (#13.7)', async () => {
    expect((await visit('s/replace')).status).toBe(500);
  });

  it('keeps a TypeORM entity whose lazy relations nobody touched, and starts no query (#13.7)', async () => {
    const user = new User();
    value = user;
    expect((await visit('s/put')).status).toBe(200);
    expect(user.queries).toBe(0);
    expect(await (await visit('s/look')).json()).toEqual({ user: { id: 7 } });
  });

  it('keeps one whose lazy relation was loaded, with what was found (#13.7)', async () => {
    const user = new User();
    await user.posts;
    value = user;
    expect((await visit('s/put')).status).toBe(200);
    const found = { id: 7, __posts__: ['one'], __has_posts__: true };
    expect([user.queries, await (await visit('s/look')).json()]).toEqual([1, { user: found }]);
  });

  it('refuses one that holds the promise of a relation, and names it (#13.7)', async () => {
    const user = new User();
    const loading = user.posts;
    expect(() => assertSerializable({ user })).toThrow(/session\.user\.__promise_posts__ holds a promise/);
    await loading;
    expect(() => assertSerializable({ user })).not.toThrow();
    value = Object.assign(new User(), { __promise_posts__: new Promise(() => undefined) });
    expect((await visit('s/put')).status).toBe(500);
  });

  it('keeps empty objects, empty DTOs, boxed values and what has toJSON (#13.7)', async () => {
    class Filter {}
    const id = new (class ObjectId {
      toJSON = () => 'abc';
    })();
    value = {
      none: {},
      bare: Object.create(null) as object,
      filter: new Filter(),
      five: Object(5) as unknown,
      id,
      bytes: Buffer.from('a'),
    };
    expect((await visit('s/put')).status).toBe(200);
    expect(await (await visit('s/look')).json()).toEqual({
      user: { none: {}, bare: {}, filter: {}, five: 5, id: 'abc', bytes: { type: 'Buffer', data: [97] } },
    });
  });

  it('saves NaN and Infinity as null, and warns once (#13.7)', async () => {
    expect((await visit('s/count')).status).toBe(200);
    expect((await visit('s/count')).status).toBe(200);
    expect(await (await visit('s/look')).json()).toEqual({ count: { n: null, list: [null] } });
    expect(warnings.filter((each) => each.includes('null'))).toEqual([
      expect.stringContaining('session.count.n is NaN or infinite'),
    ]);
  });
});

describe('a record that is not as it should be', () => {
  const now = Date.now();
  const cookie = {
    originalMaxAge: 3_600_000,
    expires: new Date(now + 3_600_000).toISOString(),
    httpOnly: true,
    path: '/',
  };
  const facts = { v: 1, c: now, s: now, e: now + 3_600_000, h: 'handle', n: 'nonce' };
  const RECORDS: [string, string][] = [
    ['no JSON', 'hello'],
    ['empty', ''],
    ['cut short', JSON.stringify({ cookie, good: 1, __keycard: facts }).slice(0, -20)],
    ['null', 'null'],
    ['an array', '[1]'],
    ['a number', '7'],
    ['no cookie', '{"good":1}'],
    ['cookie: null', '{"cookie":null,"good":1}'],
    ['cookie: text', '{"cookie":"x","good":1}'],
    ['cookie.expires of the wrong kind', '{"cookie":{"expires":{"a":1},"originalMaxAge":"x"},"good":1}'],
    ['cookie.expires that is no date', '{"cookie":{"expires":"soon","originalMaxAge":null},"good":1}'],
    ...Object.entries({
      v: 2,
      c: 'x',
      s: null,
      e: {},
      h: 1,
      n: [],
      p: 7,
      a: 'x',
      f: 1,
      k: 'user',
      d: 'phone',
      o: 1,
      x: {},
      t: 'x',
      m: 'x',
      i: 'x',
      b: 1,
    }).map(([name, value]): [string, string] => [
      `facts.${name} of the wrong kind`,
      JSON.stringify({ cookie, good: 1, __keycard: { ...facts, [name]: value } }),
    ]),
    ['facts that are text', JSON.stringify({ cookie, good: 1, __keycard: 'x' })],
    ['facts that are null', JSON.stringify({ cookie, good: 1, __keycard: null })],
    [
      'overrides of the wrong kind',
      JSON.stringify({
        cookie,
        good: 1,
        __keycard: { ...facts, o: { maxAge: 'x', path: 7, domain: {}, sameSite: 9, secure: 'x' } },
      }),
    ],
    [
      'a key __proto__',
      `{"cookie":${JSON.stringify(cookie)},"__proto__":{"isAdmin":true},"__keycard":${JSON.stringify(facts)}}`,
    ],
    [
      'data that is no JSON, between a cookie and metadata that are',
      `{"cookie":${JSON.stringify(cookie)},"good":oops,"__keycard":${JSON.stringify(facts)}}`,
    ],
    [
      'nested 10,000 deep',
      `{"cookie":${JSON.stringify(cookie)},"good":${'['.repeat(10_000)}${']'.repeat(10_000)},"__keycard":${JSON.stringify(facts)}}`,
    ],
    ['larger than maxRecordBytes', JSON.stringify({ cookie, good: 'x'.repeat(1_100_000), __keycard: facts })],
  ];

  it.each(RECORDS)('never hangs or crashes a request, and its holder can go on: %s', async (_, text) => {
    const inner = new MemoryStore();
    const store = new ObservedStore(inner);
    const server = await startApp([controller], { store, logger: { warn: () => undefined, error: () => undefined } });
    await inner.create('odd', { text, expiresAt: now + 3_600_000 });
    const jar = new Jar();
    jar.cookies.set('sid', encodeURIComponent(new CookieSigner([SECRET]).sign('odd')));
    const look = await jar.fetch(`${server.url}/s/look`, { signal: AbortSignal.timeout(5_000) });
    expect(look.status).toBe(200);
    const seen = (await look.json()) as { good?: number; isAdmin?: boolean };
    expect(seen).not.toHaveProperty('isAdmin');
    const start = await jar.fetch(`${server.url}/s/start`, { signal: AbortSignal.timeout(5_000) });
    expect(start.status).toBe(200);
    expect(await (await jar.fetch(`${server.url}/s/look`)).json()).toEqual({ good: 1 });
    // What couldn't be read was left as it was.
    if (seen.good === undefined) expect((await inner.load('odd'))!.text).toBe(text);
    expect(await server.app.get(SessionRegistry).list()).toBeDefined();
    await server.close();
  });
});

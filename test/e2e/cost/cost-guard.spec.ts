/**
 * What sessions cost, where it can be counted: counts repeat exactly, so a regression fails here, and needs no stopwatch. The figures are
 * what the engine does today; one that falls may be lowered, one that rises needs a reason. bench/ measures the time.
 */
import { Controller, Get, Req } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { MemoryStore, type SessionModuleOptions, type SessionStore } from 'nestjs-keycard';
import { PostgresStore, type PostgresClient } from '../../../lib/stores/postgres/index.js';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { describeOnBoth as describe, newAdapter } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { Pipeline, redisCommands, resourcesOf, watchAnswers, watchWrites } from '../../support/cost-counters.js';
import { ObservedStore } from '../../support/observed-store.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

interface Visit {
  session?: {
    views: number;
    user?: { id: string };
    login(user: string, data: object): Promise<void>;
    destroy(): Promise<void>;
  };
}

@Controller()
class VisitController {
  @Get('read')
  read(@Req() req: Visit) {
    return { views: req.session?.views ?? 0 };
  }

  @Get('change')
  change(@Req() req: Visit) {
    // A bare route has no session.
    if (req.session !== undefined) req.session.views = (req.session.views ?? 0) + 1;
    return { views: req.session?.views ?? 0 };
  }

  /** Logs somebody in by the data alone. */
  @Get('enter')
  enter(@Req() req: Visit) {
    req.session!.user = { id: '7' };
    return { views: 0 };
  }

  @Get('same')
  same(@Req() req: Visit) {
    req.session!.views = Number(req.session!.views);
    return { views: req.session!.views };
  }

  @Get('login')
  async login(@Req() req: Visit) {
    await req.session!.login('7', { user: { id: '7' } });
    return { views: 0 };
  }

  @Get('logout')
  async logout(@Req() req: Visit) {
    await req.session!.destroy();
    return { views: 0 };
  }

  @Get('untouched')
  untouched() {
    return { views: 0 };
  }
}

const cookie = { maxAge: '1d', secure: false } as const;
const startVisits = (store: SessionStore, options: Partial<SessionModuleOptions> = {}) =>
  startApp([VisitController], { store, cookie, ...options });

/**
 * Cookies of so many sessions, each of a visitor of its own. By one connection, which is closed here: fetch() would keep as many open, and
 * they would close some seconds later, while something is counted.
 */
async function cookiesFrom(server: TestApp, count: number, path = '/change'): Promise<string[]> {
  const pipeline = await Pipeline.to(server.url);
  const answers = await pipeline.get(path, Array<undefined>(count).fill(undefined));
  pipeline.close();
  return answers.map((answer) => /Set-Cookie: ([^;]+)/i.exec(answer)![1]!);
}

describe('store calls', () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  const callsOf = async (path: string) => {
    store.forget();
    const answer = await jar.fetch(`${server.url}/${path}`);
    expect(answer.status).toBe(200);
    return store.names;
  };
  const start = async (options: Partial<SessionModuleOptions> = {}) => {
    store = new ObservedStore(new MemoryStore());
    server = await startVisits(store, options);
    jar = new Jar();
  };
  beforeEach(() => start());
  afterEach(() => server.close());

  it('are none without a cookie', async () => {
    expect([await callsOf('read'), await callsOf('untouched')]).toEqual([[], []]);
  });

  it('are one for a new session, one for a read, two for a change', async () => {
    expect(await callsOf('change')).toEqual(['create']);
    expect(await callsOf('read')).toEqual(['load']);
    expect(await callsOf('change')).toEqual(['load', 'replace']);
  });

  it('are no write if the same value is assigned again', async () => {
    await callsOf('change');
    expect(await callsOf('same')).toEqual(['load']);
  });

  it('are none for a forged cookie', async () => {
    await callsOf('change');
    const [name, value] = [...jar.cookies][0]!;
    jar.cookies.set(name, `${value.slice(0, -2)}${value.at(-2) === 'A' ? 'B' : 'A'}${value.slice(-1)}`);
    expect(await callsOf('read')).toEqual([]);
  });

  it('are one write for a login, two if there is an old record to replace, and a look at the principal before it, and at the principal and the new record before the old one is replaced', async () => {
    expect(await callsOf('login')).toEqual(['load', 'create', 'load', 'load']);
    expect(await callsOf('login')).toEqual(['load', 'load', 'create', 'load', 'load', 'replace']);
  });

  it('are two for a logout', async () => {
    await callsOf('login');
    expect(await callsOf('logout')).toEqual(['load', 'destroy']);
  });

  it('are two for a read that moves the end, and one for the read after it', async () => {
    await server.close();
    let now = Date.now();
    await start({ clock: { now: () => now } });
    await callsOf('change');
    now += 61_000;
    expect(await callsOf('read')).toEqual(['load', 'replace']);
    expect(await callsOf('read')).toEqual(['load']);
  });

  it('are none with load: lazy on a route that asks for no session', async () => {
    await callsOf('change');
    const lazy = await startVisits(store, { load: 'lazy' });
    store.forget();
    expect((await jar.fetch(`${lazy.url}/untouched`)).status).toBe(200);
    expect(store.names).toEqual([]);
    await lazy.close();
  });
});

describe('answers', () => {
  it.each(['read', 'change', 'login'])('leave in one write each: %s', async (path) => {
    const server = await startVisits(new MemoryStore());
    const [cookie] = await cookiesFrom(server, 1);
    const watched = watchAnswers(server.app);
    const pipeline = await Pipeline.to(server.url);
    const writes = await watched;
    let cookieNow = cookie;
    for (let turn = 0; turn < 3; turn++) {
      const [answer] = await pipeline.get(`/${path}`, [cookieNow]);
      expect(answer).toMatch(/^HTTP\/1\.1 200/);
      cookieNow = /Set-Cookie: ([^;]+)/.exec(answer!)?.[1] ?? cookieNow;
    }
    expect(writes.count).toBe(3);
    pipeline.close();
    await server.close();
  });
});

describe('what a request makes, over a bare route', () => {
  const REQUESTS = 50;
  let bare: Awaited<ReturnType<typeof bareApp>>;
  let server: TestApp;
  let lazy: TestApp;
  let cookies: string[];
  const bareApp = async () => {
    const app = (await Test.createTestingModule({ controllers: [VisitController] }).compile()).createNestApplication(
      newAdapter(),
      {
        logger: false,
      },
    );
    await app.listen(0, '127.0.0.1');
    return {
      url: `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`,
      close: () => app.close(),
    };
  };
  beforeAll(async () => {
    const store = new MemoryStore();
    bare = await bareApp();
    server = await startVisits(store);
    lazy = await startVisits(store, { load: 'lazy' });
    cookies = await cookiesFrom(server, REQUESTS);
  });
  afterAll(() => Promise.all([bare.close(), server.close(), lazy.close()]));

  /** So many things are made for each request more than on a bare route. What a few of them share, such as a timer of Node's, rounds to none, and so does what a busy machine adds to the bare route. */
  const madeBy = async (app: { url: string }, path: string, cookies: readonly (string | undefined)[]) => {
    const countIn = async (url: string) => {
      const pipeline = await Pipeline.to(url);
      await pipeline.get(path, cookies);
      // What else goes on in the process only adds.
      const tries: ReadonlyMap<string, number>[] = [];
      for (let n = 0; n < 3; n += 1) tries.push(await resourcesOf(() => pipeline.get(path, cookies)));
      pipeline.close();
      const types = new Set(tries.flatMap((made) => [...made.keys()]));
      return new Map([...types].map((type) => [type, Math.min(...tries.map((made) => made.get(type) ?? 0))]));
    };
    const [ours, floor] = [await countIn(app.url), await countIn(bare.url)];
    return (type: string) => Math.max(0, Math.round(((ours.get(type) ?? 0) - (floor.get(type) ?? 0)) / REQUESTS));
  };

  it.each(['read', 'change'])('is nothing for a %s in a store that has its answer at hand (#12)', async (what) => {
    const made = await madeBy(server, `/${what}`, cookies);
    expect(['PROMISE', 'Timeout', 'Immediate', 'TickObject'].map(made)).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['no cookie', () => cookies.map(() => undefined)],
    [
      'a forged cookie',
      () => cookies.map((cookie) => `${cookie.slice(0, -3)}${cookie.at(-3) === 'A' ? 'B' : 'A'}${cookie.slice(-2)}`),
    ],
  ])('is no promise, timer or tick for %s', async (_, cookies) => {
    const made = await madeBy(server, '/read', cookies());
    expect(['PROMISE', 'Timeout', 'Immediate', 'TickObject'].map(made)).toEqual([0, 0, 0, 0]);
  });

  it('is nothing with load: lazy if nothing accesses the session', async () => {
    const made = await madeBy(lazy, '/untouched', cookies);
    expect(['PROMISE', 'Timeout', 'Immediate', 'TickObject'].map(made)).toEqual([0, 0, 0, 0]);
  });

  it('is a parse of the metadata; if the session is asked for, one of the data, and one text to compare them by; for a change, the text of the metadata', async () => {
    const cookies = await cookiesFrom(server, REQUESTS, '/enter');
    const parse = jest.spyOn(JSON, 'parse');
    const stringify = jest.spyOn(JSON, 'stringify');
    const countIn = async (url: string, path: string) => {
      const pipeline = await Pipeline.to(url);
      parse.mockClear();
      stringify.mockClear();
      await pipeline.get(path, cookies);
      pipeline.close();
      return [parse.mock.calls.length, stringify.mock.calls.length];
    };
    // Sessions are looked at again a few times after their response (#13.20), which only adds: the least of three counts has none of it.
    const least = async (url: string, path: string) => {
      const [first, second, third] = [await countIn(url, path), await countIn(url, path), await countIn(url, path)];
      return first.map((count, n) => Math.min(count, second[n]!, third[n]!));
    };
    const over = async (path: string) => {
      const [ours, floor] = [await least(server.url, path), await least(bare.url, path)];
      return ours.map((count, n) => Math.max(0, Math.round((count - floor[n]!) / REQUESTS)));
    };
    const made = { read: await over('/read'), change: await over('/change'), untouched: await over('/untouched') };
    expect(made).toEqual({ read: [2, 1], change: [2, 2], untouched: [1, 0] });
    parse.mockRestore();
    stringify.mockRestore();
  });
});

describeWithServer('redis', (database) => {
  it('Redis: 20 reads of one turn are one command, 20 changes one more, and one request alone GET, then EVALSHA', async () => {
    const client = new Redis(database.url);
    const store = new RedisStore({ client, prefix: `${uniqueName()}:` });
    const server = await startVisits(store);
    const cookies = await cookiesFrom(server, 20);
    const pipeline = await Pipeline.to(server.url);
    await pipeline.get('/change', cookies.slice(0, 1)); // the scripts are known from here on
    const writes = watchWrites(client.stream as never);
    const commandsOf = async (path: string, cookies: readonly string[]) => {
      Object.assign(writes, { count: 0, text: '' });
      for (const answer of await pipeline.get(path, cookies)) expect(answer).toMatch(/^HTTP\/1\.1 200/);
      return { writes: writes.count, commands: redisCommands(writes.text) };
    };
    expect(await commandsOf('/read', cookies.slice(0, 1))).toEqual({ writes: 1, commands: ['GET'] });
    expect(await commandsOf('/change', cookies.slice(0, 1))).toEqual({ writes: 2, commands: ['GET', 'EVALSHA'] });
    expect(await commandsOf('/read', cookies)).toEqual({ writes: 1, commands: ['MGET'] });
    expect(await commandsOf('/change', cookies)).toEqual({ writes: 2, commands: ['MGET', 'EVALSHA'] });
    pipeline.close();
    await store.clear();
    await server.close();
    client.disconnect();
  });
});

describeWithServer('postgres', (database) => {
  it('PostgreSQL: 20 reads of one turn are one query, 20 changes two', async () => {
    const pool = new Pool({ connectionString: database.url });
    const tableName = uniqueName('cost');
    const sent: string[] = [];
    const counting: PostgresClient = {
      query: (query) => {
        sent.push(query.text.split(' ')[0]!);
        return pool.query(query);
      },
    };
    const store = new PostgresStore({ pool: counting, tableName, pruneInterval: false });
    const server = await startVisits(store);
    const cookies = await cookiesFrom(server, 20);
    const pipeline = await Pipeline.to(server.url);
    const queriesOf = async (path: string, cookies: readonly string[]) => {
      sent.length = 0;
      for (const answer of await pipeline.get(path, cookies)) expect(answer).toMatch(/^HTTP\/1\.1 200/);
      return [...sent];
    };
    expect(await queriesOf('/read', cookies.slice(0, 1))).toEqual(['SELECT']);
    expect(await queriesOf('/change', cookies.slice(0, 1))).toEqual(['SELECT', 'UPDATE']);
    expect(await queriesOf('/read', cookies)).toEqual(['SELECT']);
    expect(await queriesOf('/change', cookies)).toEqual(['SELECT', 'UPDATE']);
    pipeline.close();
    await server.close();
    await pool.query(`DROP TABLE ${tableName}`);
    await pool.end();
  });
});

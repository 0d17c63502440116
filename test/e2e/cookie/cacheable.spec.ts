import type { ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

const cacheable = (res: ServerResponse): void =>
  void res.setHeader('Cache-Control', 'public, max-age=600, s-maxage=60');
const scripts = scripted({
  login: (session, _req, res) => (cacheable(res), session.login('7', { user: { name: 'Ann' } })),
  logout: (session, _req, res) => (cacheable(res), session.destroy()),
  start: (session, _req, res) => {
    cacheable(res);
    session.views = 1;
  },
  look: (session, _req, res) => (cacheable(res), { ...session }),
  age: (session, _req, res) => {
    res.setHeader('Cache-Control', 'max-age=600');
    session.views = 1;
  },
  stored: (session, _req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    session.views = 1;
  },
  page: (session) => ({ ...session }),
});

describe('#12.3 an answer that shared caches may keep', () => {
  let server: TestApp;
  afterEach(() => server.close());
  const start = async (options: object = {}) => {
    server = await startApp([scripts], { store: new MemoryStore(options), cookie: { maxAge: '1d' }, ...options });
    return new Jar();
  };
  const visit = async (jar: Jar, path: string) => {
    const { headers } = await jar.fetch(`${server.url}/s/${path}`);
    return [headers.getSetCookie().length, headers.get('cache-control')];
  };

  it.each([
    ['start', 'private, max-age=600'],
    ['login', 'private, max-age=600'],
    ['age', 'private, max-age=600'],
    ['stored', 'no-store'],
  ])('is made private where a new id is sent: %s', async (path, expected) => {
    expect(await visit(await start(), path)).toEqual([1, expected]);
  });

  it('is made private if the cookie is cleared', async () => {
    const jar = await start();
    await visit(jar, 'start');
    expect(await visit(jar, 'logout')).toEqual([1, 'private, max-age=600']);
  });

  it('stays as it is if the same cookie is only due again: that waits for another answer', async () => {
    const clock = new TestClock();
    const jar = await start({ clock });
    await visit(jar, 'start');
    clock.advance(3_600_000);
    expect(await visit(jar, 'look')).toEqual([0, 'public, max-age=600, s-maxage=60']);
    clock.advance(3_600_000);
    expect(await visit(jar, 'page')).toEqual([1, 'no-cache="Set-Cookie"']);
  });
});

describe('#12.3 a request whose store never answers', () => {
  it('is let go of with its answer, though the client keeps the call', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept: unknown[] = [];
    class FrozenStore extends MemoryStore {
      frozen = false;
      override load(key: string): ReturnType<MemoryStore['load']> {
        return this.frozen ? new Promise((resolve) => kept.push(resolve)) : super.load(key);
      }
    }
    const store = new FrozenStore();
    const requests: WeakRef<object>[] = [];
    const server = await startApp(
      [scripts],
      { store, storeTimeout: '20ms', logger: { warn: () => undefined, error: () => undefined } },
      {
        before: (app) =>
          app.use((req: object, _res: unknown, next: () => void) => {
            requests.push(new WeakRef(req));
            next();
          }),
      },
    );
    const jar = new Jar();
    await jar.fetch(`${server.url}/s/start`);
    store.frozen = true;
    for (let n = 0; n < 10; n += 1) {
      const answer = await jar.fetch(`${server.url}/s/page`, { headers: { connection: 'close' } });
      expect(answer.status).toBe(503);
      await answer.text();
    }
    expect(kept.length).toBeGreaterThanOrEqual(10);
    await server.close();
    for (let n = 0; n < 5; n += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(requests.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(2);
  });
});

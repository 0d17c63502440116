import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { compileLib } from '../../support/compile-lib.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

let told: unknown[];

const controller = scripted({
  start: (session) => void (session.views = 1),
  look: (session) => ({ ...session }),
  dropped: (session) => {
    session.views = 2;
    void session.save();
  },
  droppedLogin: (session) => void session.login('7', { user: { name: 'Ann' } }),
  droppedDestroy: (session) => void session.destroy(),
  callbacks: (session) =>
    new Promise((resolve) => {
      session.views = 2;
      const returned = session.save((error) => {
        told.push(['save', error, returned === session]);
        session.reload((again) => {
          told.push(['reload', again, session.views]);
          session.regenerate((failed, next) => {
            told.push(['regenerate', failed, next !== session, Object.keys(next!)]);
            next!.login('7', { user: { name: 'Ann' } }, (refused) => {
              told.push(['login', refused, next!.info.principal]);
              resolve('done');
            });
          });
        });
      });
    }),
  failing: (session) =>
    new Promise((resolve) => {
      session.views = 3;
      session.save((error) => {
        told.push((error as Error).name);
        resolve('done');
      });
    }),
  await: async (session) => {
    session.views = 4;
    return session.save().then(
      () => 'saved',
      (error: Error) => error.name,
    );
  },
});

describe("a session's methods", () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  let errors: string[];
  const visit = (script: string) => jar.fetch(`${server.url}/s/${script}`);
  beforeEach(async () => {
    errors = [];
    told = [];
    store = new ObservedStore(new MemoryStore());
    server = await startApp([controller], {
      store,
      logger: {
        warn: () => undefined,
        error: (message, cause) => void errors.push(`${message} ${(cause as Error)?.name}`),
      },
    });
    jar = new Jar();
    await visit('start');
  });
  afterEach(() => server.close());

  it('that nobody awaits are done before the response leaves', async () => {
    await visit('dropped');
    expect(await (await visit('look')).json()).toEqual({ views: 2 });
    await visit('droppedLogin');
    expect(await (await visit('look')).json()).toEqual({ views: 2, user: { name: 'Ann' } });
    await visit('droppedDestroy');
    expect([jar.header, await (await visit('look')).json()]).toEqual(['', {}]);
    expect(store.names.at(-1)).toBe('destroy');
  });

  it('that nobody awaits and that fail are logged, and are no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    store.failure = new Error('down');
    store.failing = ['destroy'];
    await visit('droppedDestroy');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', listener);
    expect([errors, unhandled]).toEqual([
      ['session.destroy() failed, and the app did not await it. SessionStoreError'],
      [],
    ]);
  });

  it('that fail and are awaited are not logged as well', async () => {
    store.failure = new Error('down');
    store.failing = ['replace'];
    expect(await (await visit('await')).text()).not.toBe('saved');
    expect(errors.filter((message) => message.includes('nobody waited'))).toEqual([]);
  });

  it('take Node callbacks, and give the session back', async () => {
    expect((await visit('callbacks')).status).toBe(200);
    expect(told).toEqual([
      ['save', null, true],
      ['reload', null, 2],
      ['regenerate', null, true, []],
      ['login', null, '7'],
    ]);
    expect(await (await visit('look')).json()).toEqual({ user: { name: 'Ann' } });
  });

  it('tell a failure to the callback', async () => {
    store.failure = new Error('down');
    store.failing = ['replace'];
    const answer = await visit('failing');
    // The session is still to be saved when the response leaves, and that fails too.
    expect([answer.status, told, errors.filter((message) => message.includes('nobody waited'))]).toEqual([
      503,
      ['SessionStoreError'],
      [],
    ]);
  });

  it("don't swallow what a callback throws", async () => {
    const lib = await compileLib();
    const from = (file: string): string => JSON.stringify(pathToFileURL(join(lib.path, file)).href);
    const script = `
      import { MemoryStore } from ${from('stores/memory.store.js')};
      import { SessionManager } from ${from('session-manager.js')};
      import { resolveOptions } from ${from('options/resolve-options.js')};
      const store = new MemoryStore();
      await store.create('one', { text: '{"cookie":{},"views":1}', expiresAt: Date.now() + 60000 });
      const { session } = await new SessionManager(resolveOptions({ secret: 'a secret of at least thirty-two bytes' }), store).open('one');
      process.on('uncaughtException', (error) => { console.log('uncaught', error.message); process.exit(0); });
      process.on('unhandledRejection', (error) => { console.log('unhandled', error.message); process.exit(0); });
      session.destroy(() => { throw new Error('a mistake of the app'); });`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await lib.remove();
    expect(stdout).toBe('uncaught a mistake of the app\n');
  });
});

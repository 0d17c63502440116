import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { MemoryStore, type SessionEvent, SessionRegistry, type SessionStore } from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { SessionManager } from '../../../lib/session-manager.js';
import { EventFeed } from '../../../lib/signal/event-feed.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { idIn, LoginController } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';
import { WorkerProcess } from '../../support/worker-process.js';

const SCRIPT = join(import.meta.dirname, '../../support/gateway-worker.mjs');

const servers: TestApp[] = [];
const workers: WorkerProcess[] = [];
const cleanUps: (() => unknown)[] = [];
let logged: string[] = [];
let happened: SessionEvent[] = [];

const start = async (store: SessionStore, bus?: false): Promise<TestApp> => {
  const logger = {
    warn: (message: string) => void logged.push(message),
    error: (message: string) => void logged.push(message),
  };
  const server = await startApp([LoginController], { store, logger, ...(bus === undefined ? {} : { bus }) });
  servers.push(server);
  return server;
};
const listenTo = ({ app }: TestApp): void => {
  const subscription = app.get(SessionRegistry).allEvents.subscribe((event) => void happened.push(event));
  cleanUps.push(() => subscription.unsubscribe());
};
const types = (): string[] => happened.map(({ type, remote }) => (remote ? `${type} elsewhere` : type));
const until = async (isSo: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 10_000; !isSo(); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > deadline) throw new Error(`Only this happened: ${JSON.stringify(happened)} ${logged.join()}`);
};
const login = async (url: string, id: string): Promise<Jar> => {
  const jar = new Jar();
  await jar.fetch(`${url}/login`, post({ id }));
  return jar;
};

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  for (const worker of workers.splice(0)) await worker.kill();
  for (const server of servers.splice(0)) await server.close();
  logged = [];
  happened = [];
});

function hearsAll(name: 'redis' | 'postgres', server: SharedServer, make: (space: string) => SessionStore): void {
  let lib: CompiledLib;
  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());

  /** A process of its own, and this one, which hears. */
  const both = async () => {
    const space = uniqueName('events');
    const here = await start(make(space));
    const worker = new WorkerProcess(SCRIPT, [lib.path, name, server.url, space]);
    workers.push(worker);
    const there = `http://127.0.0.1:${await worker.hear('port')}`;
    const bus = here.app.get(SessionManager).store.bus!()!;
    const texts: string[] = [];
    cleanUps.push(
      await bus.subscribe(
        (text) => void texts.push(text),
        () => undefined,
      ),
    );
    listenTo(here);
    // Its first echo: the subscription is there.
    await until(() => texts.length > 0);
    return { here, there, bus, texts };
  };

  it('registry.allEvents has the logins and ends of another process, and no id or principal travels in the clear (#15.4)', async () => {
    const { here, there, texts } = await both();
    const [mine, theirs] = [await login(here.url, 'ann'), await login(there, 'ben')];
    const ids = [idIn(mine), idIn(theirs)];
    await until(() => happened.length === 3);
    expect(types()).toEqual(['created', 'logged-in', 'logged-in elsewhere']);
    const summary = await here.app.get(SessionRegistry).find(ids[1]!);
    expect(happened[2]).toEqual({
      type: 'logged-in',
      at: expect.any(Number),
      session: expect.stringMatching(/^[\w-]{22}$/),
      handle: summary!.handle,
      principal: '7',
      remote: true,
    });
    await theirs.fetch(`${there}/logout`, post());
    await mine.fetch(`${here.url}/logout`, post());
    await until(() => happened.length === 5);
    expect(types().slice(3).toSorted()).toEqual(['logged-out', 'logged-out elsewhere']);
    for (const secret of [...ids, 'ann', 'logged-in']) expect(texts.join()).not.toContain(secret);
    expect(logged).toEqual([]);
  });

  it('what is said of a session that its record does not bear out is not emitted, nor what is forged (#15.4)', async () => {
    const { here, there, bus } = await both();
    const jar = await login(there, '7');
    await until(() => happened.length === 1);
    const { type: _, ...event } = happened[0]!;
    const manager = here.app.get(SessionManager);
    const feed = new EventFeed(manager);
    const say = async (sealed: string): Promise<void> => bus.publish(`ends ${event.handle}.${sealed}`);
    const live = jest.spyOn(manager.list, 'live');
    // It lives.
    await say(feed.encrypted({ ...event, type: 'revoked' })!);
    await until(() => live.mock.calls.length === 1);
    await live.mock.results[0]!.value;
    // Another secret, none at all, and a bit.
    const stranger = new EventFeed(Object.create(manager, { options: { value: { secrets: ['a'.repeat(32)] } } }));
    await say(stranger.encrypted({ ...event, type: 'logged-in' })!);
    await say(Buffer.from(JSON.stringify({ ...event, type: 'logged-in' })).toString('base64url'));
    await say('');
    await jar.fetch(`${there}/logout`, post());
    await until(() => happened.length === 2);
    // It doesn't any more.
    await say(feed.encrypted({ ...event, type: 'logged-in' })!);
    await login(there, '7');
    await until(() => happened.length === 3);
    expect(types()).toEqual(['logged-in elsewhere', 'logged-out elsewhere', 'logged-in elsewhere']);
  });

  it('"revoked" of many sessions of one principal costs few lists, and not one each (#15.4)', async () => {
    const { here, there } = await both();
    for (let n = 0; n < 20; n += 1) await login(there, '7');
    await until(() => happened.length === 20);
    const [{ list }, elsewhere] = [here.app.get(SessionManager), await start(here.app.get(SessionManager).store)];
    const live = jest.spyOn(list, 'live');
    await elsewhere.app.get(SessionRegistry).revokeAll('7');
    await until(() => happened.length === 40);
    expect(new Set(types().slice(20))).toEqual(new Set(['revoked elsewhere']));
    expect(live.mock.calls.length).toBeLessThan(10);
  });
}

describeWithServer('redis', (server) => {
  hearsAll('redis', server, (space) => new RedisStore({ url: server.url, prefix: space }));

  it('a bus that is down is logged once: the events of this process go on, and those of others when it is back (#15.4)', async () => {
    const admin = new Redis(server.url);
    const user = uniqueName('deaf');
    const allow = (...rules: string[]) => admin.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '+@all', ...rules);
    await allow('resetchannels');
    cleanUps.push(async () => {
      await admin.call('ACL', 'DELUSER', user);
      admin.disconnect();
    });
    const prefix = uniqueName('events');
    const client = new Redis(server.url, { username: user, password: 'pass' });
    cleanUps.push(() => client.disconnect());
    const [here, elsewhere] = [
      await start(new RedisStore({ client, prefix })),
      await start(new RedisStore({ url: server.url, prefix })),
    ];
    listenTo(here);
    await until(() => logged.length > 0);
    await login(elsewhere.url, 'ben');
    await login(here.url, 'ann');
    await until(() => logged.length > 1);
    expect(types()).toEqual(['created', 'logged-in']);
    expect(logged.map((said) => said.slice(0, 25)).toSorted()).toEqual(
      ['Other processes do not learn immediately', 'This process does not learn immediately'].map((said) =>
        said.slice(0, 25),
      ),
    );
    expect(logged[0]).toMatch(/NOPERM.*registry\.allEvents/s);

    await allow('allchannels');
    const { bus } = watchOf(here.app.get(SessionManager)) as unknown as { bus: { check(): Promise<void> } };
    // What its timer does every 30 s.
    await bus.check();
    await login(elsewhere.url, 'ben');
    await until(() => happened.length === 3);
    expect(types()[2]).toBe('logged-in elsewhere');
    expect(logged).toHaveLength(2);
  });
});

describeWithServer('postgres', (server) =>
  hearsAll(
    'postgres',
    server,
    (space) => new PostgresStore({ connectionString: server.url, tableName: space, pruneInterval: false }),
  ),
);

describe('without a bus', () => {
  it('registry.allEvents has the events of this process; that it has no others is logged once (#15.4)', async () => {
    const store = new ObservedStore(new MemoryStore());
    const server = await start(store, false);
    listenTo(server);
    listenTo(server);
    await login(server.url, 'ann');
    expect(types()).toEqual(['created', 'created', 'logged-in', 'logged-in']);
    expect(logged).toEqual([
      expect.stringMatching(/registry\.allEvents has the events of this process alone.*"bus" is false/),
    ]);
  });

  it('a MemoryStore has no other processes (#15.4)', async () => {
    const server = await start(new MemoryStore());
    listenTo(server);
    await login(server.url, 'ann');
    expect(types()).toEqual(['created', 'logged-in']);
    expect(logged).toEqual([]);
  });
});

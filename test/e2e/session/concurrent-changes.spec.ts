import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FileStore, MemoryStore, type OnConflict, type SessionStore } from 'nestjs-keycard';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionManager } from '../../../lib/session-manager.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

let gates: Record<string, Gate>;

/** Reads, changes as the query says (`?key=value`, no value: delete), waits at its gate, and ends. */
const controller = scripted({
  set: async (session, req) => {
    for (const [key, value] of Object.entries(req.query)) {
      if (key === 'gate') continue;
      if (value === '') delete session[key];
      else session[key] = JSON.parse(value as string);
    }
    if (req.query.gate !== undefined) await gates[req.query.gate as string]!.pass();
  },
  look: (session) => ({ ...session }),
  increment: async (session, req) => {
    let runs = 0;
    await session.update(async (draft) => {
      runs += 1;
      if (runs === 1 && req.query.gate !== undefined) await gates[req.query.gate as string]!.pass();
      draft.count = ((draft.count as number | undefined) ?? 0) + 1;
    });
    return { runs, count: session.count };
  },
  redirect: (session, req, res) => {
    session.message = req.query.message;
    res.redirect('/s/look');
  },
});

const folders: string[] = [];
const kinds: [string, () => Promise<SessionStore>][] = [
  ['MemoryStore', () => Promise.resolve(new MemoryStore())],
  [
    'FileStore',
    async () => {
      folders.push(await mkdtemp(join(tmpdir(), 'keycard-changes-')));
      return new FileStore({ path: folders.at(-1)!, fsync: false, pruneInterval: false });
    },
  ],
];

describe.each(kinds)('requests at the same time on %s', (_, makeStore) => {
  let store: ObservedStore;
  let servers: TestApp[];
  let jar: Jar;
  const start = async (options: object = {}): Promise<TestApp> => {
    const server = await startApp([controller], {
      storeTimeout: '20s',
      store,
      logger: { warn: () => undefined, error: () => undefined },
      ...options,
    });
    servers.push(server);
    return server;
  };
  const visit = (path: string, server = servers[0]!) =>
    fetch(`${server.url}${path}`, { headers: { cookie: jar.header } });
  const look = async (): Promise<Record<string, unknown>> =>
    (await (await visit('/s/look')).json()) as Record<string, unknown>;
  const conflicts = (): number => servers.reduce((sum, { app }) => sum + app.get(SessionManager).counters.conflicts, 0);

  beforeEach(async () => {
    gates = { a: new Gate(), b: new Gate() };
    servers = [];
    const inner = await makeStore();
    await inner.open?.();
    store = new ObservedStore(inner);
    jar = new Jar();
  });
  afterEach(async () => {
    for (const server of servers) await server.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  it('that change different keys both keep their change', async () => {
    await start();
    await jar.fetch(`${servers[0]!.url}/s/set?kept=1&dropped=1`);
    const first = visit('/s/set?gate=a&a=1&dropped=');
    const second = visit('/s/set?gate=b&b=2');
    await Promise.all([gates.a!.reached, gates.b!.reached]);
    gates.a!.open();
    await first;
    gates.b!.open();
    await second;
    expect(conflicts()).toBe(1);
    expect(await look()).toEqual({ kept: 1, a: 1, b: 2 });
  });

  it('that change different keys in 40 requests at once keep all 40', async () => {
    await start();
    // A second app in this process stands for a second process: it shares no queue with the first.
    await start();
    await jar.fetch(`${servers[0]!.url}/s/set?kept=1`);
    for (let n = 0; n < 40; n += 1) gates[n] = new Gate();
    const all = Array.from({ length: 40 }, (__, n) => visit(`/s/set?gate=${n}&k${n}=${n}`, servers[n % 2]!));
    await Promise.all(Array.from({ length: 40 }, (__, n) => gates[n]!.reached));
    for (let n = 0; n < 40; n += 1) gates[n]!.open();
    for (const answer of await Promise.all(all)) expect(answer.status).toBe(200);
    expect(conflicts()).toBeGreaterThan(0);
    expect(Object.keys(await look()).length).toBe(41);
  });

  it('that update() the same key count each of them', async () => {
    await start();
    await start();
    await jar.fetch(`${servers[0]!.url}/s/set?count=0`);
    store.writeDelayMs = 1;
    const answers = await Promise.all(Array.from({ length: 60 }, (__, n) => visit('/s/increment', servers[n % 2]!)));
    for (const answer of answers) expect(answer.status).toBe(200);
    expect(conflicts()).toBeGreaterThan(0);
    expect(await look()).toEqual({ count: 60 });
  });

  it('make update(fn) run again on the newer data', async () => {
    await start();
    await start();
    await jar.fetch(`${servers[0]!.url}/s/set?count=10`);
    const slow = visit('/s/increment?gate=a', servers[0]!);
    await gates.a!.reached;
    expect(await (await visit('/s/increment', servers[1]!)).json()).toEqual({ runs: 1, count: 11 });
    gates.a!.open();
    expect(await (await slow).json()).toEqual({ runs: 2, count: 12 });
    expect(conflicts()).toBe(1);
  });

  it.each<[string, OnConflict | undefined, unknown]>([
    ['mine, by default: who writes last', undefined, 'mine'],
    ['mine', 'mine', 'mine'],
    ['theirs: who wrote first', 'theirs', 'theirs'],
    ['a function, given key, base, mine and theirs', (...args) => args, ['key', 'base', 'mine', 'theirs']],
    ['a function that gives nothing drops the key', () => undefined, undefined],
  ])('that change the same key are settled by onConflict: %s', async (__, onConflict, expected) => {
    await start(onConflict === undefined ? {} : { onConflict });
    await jar.fetch(`${servers[0]!.url}/s/set?key="base"&other=1`);
    const mine = visit('/s/set?gate=a&key="mine"');
    await gates.a!.reached;
    await visit('/s/set?key="theirs"');
    gates.a!.open();
    await mine;
    expect(conflicts()).toBe(1);
    expect(await look()).toEqual(expected === undefined ? { other: 1 } : { other: 1, key: expected });
  });

  it.each([
    ['mine', '/s/set?gate=a&key=', '/s/set?key="changed"'],
    ['theirs', '/s/set?gate=a&key="changed"', '/s/set?key='],
  ])('of which one deletes what the other changes leave it deleted: %s', async (__, slow, fast) => {
    await start({ onConflict: () => 'resurrected' });
    await jar.fetch(`${servers[0]!.url}/s/set?key="base"&other=1`);
    const late = visit(slow);
    await gates.a!.reached;
    await visit(fast);
    gates.a!.open();
    await late;
    expect([conflicts(), await look()]).toEqual([1, { other: 1 }]);
  });

  it('that change the same key to the same value need no one to settle it', async () => {
    await start({
      onConflict: () => {
        throw new Error('asked');
      },
    });
    await jar.fetch(`${servers[0]!.url}/s/set?key=1`);
    const late = visit('/s/set?gate=a&key=2');
    await gates.a!.reached;
    await visit('/s/set?key=2');
    gates.a!.open();
    expect([(await late).status, conflicts(), await look()]).toEqual([200, 1, { key: 2 }]);
  });

  it('sent right after a redirect see what was changed before it, with a store that takes 200 ms to save', async () => {
    await start();
    await jar.fetch(`${servers[0]!.url}/s/set?kept=1`);
    store.writeDelayMs = 200;
    const startedAt = performance.now();
    const seen: unknown[] = [];
    for (let n = 0; n < 3; n += 1) {
      const answer = await fetch(`${servers[0]!.url}/s/redirect?message=${n}`, {
        headers: { cookie: jar.header },
        redirect: 'manual',
      });
      expect([answer.status, answer.headers.get('location')]).toEqual([302, '/s/look']);
      seen.push((await look()).message);
    }
    expect(seen).toEqual(['0', '1', '2']);
    // The store was slow indeed.
    expect(performance.now() - startedAt).toBeGreaterThan(590);
  });
});

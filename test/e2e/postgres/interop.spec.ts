import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { makeSchema } from '../../support/postgres-schema.js';
import { describeWithServer } from '../../support/servers/available.js';

type Data = Record<string, unknown>;
interface PeerStore {
  get(id: string, done: (error: unknown, session?: Data | null) => void): void;
  set(id: string, session: Data, done: (error: unknown) => void): void;
  touch(id: string, session: Data, done: (error: unknown) => void): void;
  destroy(id: string, done: (error: unknown) => void): void;
}

const require = createRequire(import.meta.url);
const connectPgSimple = require('connect-pg-simple') as (session: unknown) => new (options: object) => PeerStore;
const ConnectPgSimple = connectPgSimple(require('express-session'));

const DAY = 86_400_000;
const cookieUntil = (expiresAt: number) => ({
  originalMaxAge: DAY,
  expires: new Date(expiresAt).toISOString(),
  httpOnly: true,
  path: '/',
});

/** The published peer on the same table, each side's connections in a time zone of its own. */
describeWithServer('postgres', (server) => {
  let schema: Awaited<ReturnType<typeof makeSchema>> | undefined;
  let [ourPool, peerPool]: (Pool | undefined)[] = [];
  let ours: PostgresStore;
  let peer: PeerStore;
  const asPeer = {
    get: (id: string) =>
      new Promise<Data | null | undefined>((resolve, reject) => peer.get(id, (e, s) => (e ? reject(e) : resolve(s)))),
    set: (id: string, session: Data) =>
      new Promise<void>((resolve, reject) => peer.set(id, session, (e) => (e ? reject(e) : resolve()))),
    touch: (id: string, session: Data) =>
      new Promise<void>((resolve, reject) => peer.touch(id, session, (e) => (e ? reject(e) : resolve()))),
    destroy: (id: string) =>
      new Promise<void>((resolve, reject) => peer.destroy(id, (e) => (e ? reject(e) : resolve()))),
  };

  beforeAll(async () => {
    ourPool = new Pool({ connectionString: server.url, options: '-c TimeZone=America/New_York' });
    peerPool = new Pool({ connectionString: server.url, options: '-c TimeZone=Asia/Kolkata' });
    schema = await makeSchema(ourPool);
    const { schemaName } = schema;
    peer = new ConnectPgSimple({ pool: peerPool, schemaName, createTableIfMissing: true, pruneSessionInterval: false });
    ours = new PostgresStore({ pool: ourPool, schemaName, pruneInterval: false });
    await asPeer.set('first', { cookie: cookieUntil(Date.now() + DAY), by: 'peer' });
    await ours.open();
  });
  afterAll(async () => {
    await schema?.drop();
    await Promise.all([ourPool?.end(), peerPool?.end()]);
  });

  it("opens on the peer's own table, with what is in it", async () => {
    expect(JSON.parse((await ours.load('first'))!.text)).toMatchObject({ by: 'peer' });
  });

  it('carries one session there and back, and nothing is lost', async () => {
    const end = Date.now() + DAY;
    const text = JSON.stringify({
      cookie: cookieUntil(end),
      cart: ['a'],
      nul: 'a\u0000b',
      __keycard: { v: 1, e: end, p: '7' },
    });
    await ours.create('shared', { text, expiresAt: end, principal: '7' });

    const seen = (await asPeer.get('shared'))!;
    expect(seen).toEqual(JSON.parse(text));
    const changed = { ...seen, cart: ['a', 'b'], cookie: cookieUntil(end + 3_000) };
    await asPeer.set('shared', changed);

    const back = (await ours.load('shared'))!;
    expect(JSON.parse(back.text)).toEqual(changed);
    expect(back.expiresAt).toBe(Math.ceil((end + 3_000) / 1_000) * 1_000);
    expect(await ours.count({ principal: '7' })).toBe(1);

    expect(await ours.replace('shared', { text, expiresAt: end, principal: '7' }, back.revision)).toBe('ok');
    expect(await asPeer.get('shared')).toEqual(JSON.parse(text));
  });

  it('lets a write of the peer win over an older revision of ours', async () => {
    const end = Date.now() + DAY;
    const text = JSON.stringify({ cookie: cookieUntil(end), views: 1 });
    await ours.create('raced', { text, expiresAt: end });
    const { revision } = (await ours.load('raced'))!;
    await asPeer.set('raced', { cookie: cookieUntil(end), views: 2 });
    expect(await ours.replace('raced', { text, expiresAt: end }, revision)).toBe('conflict');
    expect(await asPeer.get('raced')).toMatchObject({ views: 2 });
  });

  it('keeps a session alive that the peer has touched', async () => {
    const end = Date.now() + DAY;
    const text = JSON.stringify({ cookie: cookieUntil(end), views: 1 });
    await ours.create('touched', { text, expiresAt: end });
    await asPeer.touch('touched', { cookie: cookieUntil(end + 61_000) });
    expect((await ours.load('touched'))?.text).toBe(text);
    expect(await ours.prune()).toBe(0);
  });

  it('takes a touch by the peer for another version, so that nothing undoes it unseen', async () => {
    const end = Date.now() + DAY;
    const text = JSON.stringify({ cookie: cookieUntil(end), views: 1 });
    await ours.create('stale', { text, expiresAt: end });
    const { revision } = (await ours.load('stale'))!;
    await asPeer.touch('stale', { cookie: cookieUntil(end + 61_000) });
    expect(await ours.replace('stale', { text, expiresAt: end }, revision)).toBe('conflict');
    expect(await ours.destroy('stale', revision)).toBe('conflict');
    expect(await ours.replace('stale', { text, expiresAt: end }, (await ours.load('stale'))!.revision)).toBe('ok');
  });

  it('sees what the other side has destroyed', async () => {
    const end = Date.now() + DAY;
    for (const id of ['mine', 'yours'])
      await ours.create(id, { text: `{"cookie":${JSON.stringify(cookieUntil(end))}}`, expiresAt: end });
    const { revision } = (await ours.load('mine'))!;
    await asPeer.destroy('mine');
    expect(await ours.replace('mine', { text: '{"cookie":{}}', expiresAt: end }, revision)).toBe('gone');
    expect(await ours.destroy('yours')).toBe('ok');
    expect(await asPeer.get('yours')).toBeUndefined();
  });
});

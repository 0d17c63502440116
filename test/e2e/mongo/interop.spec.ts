import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoStore as ConnectMongo } from 'connect-mongo';
import { type Collection, MongoClient, ObjectId } from 'mongodb';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

type Data = Record<string, unknown>;
type Done = (error: unknown, result?: unknown) => void;

const DAY = 86_400_000;
const promised = <T = void>(call: (done: Done) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error as Error) : resolve(result as T))));
const cookieUntil = (expiresAt: number) => ({
  originalMaxAge: DAY,
  expires: new Date(expiresAt).toISOString(),
  httpOnly: true,
  path: '/',
});

/** The published peer on the same collection. */
describeWithServer('mongo', (server) => {
  for (const [oursText, theirsText] of [
    [true, true],
    [false, false],
    [true, false],
  ] as const) {
    describe(`stringify ${oursText} here, ${theirsText} there`, () => {
      const collectionName = uniqueName('interop');
      let client: MongoClient;
      let documents: Collection;
      let ours: MongoStore;
      let peer: ConnectMongo;
      const asPeer = {
        get: (id: string) => promised<Data | null>((done) => peer.get(id, done as never)),
        set: (id: string, session: Data) => promised((done) => peer.set(id, session as never, done)),
        touch: (id: string, session: Data) => promised((done) => peer.touch(id, session as never, done)),
        destroy: (id: string) => promised((done) => peer.destroy(id, done)),
      };
      const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

      beforeAll(async () => {
        client = new MongoClient(server.url);
        documents = client.db('keycard').collection(collectionName);
        peer = ConnectMongo.create({
          client,
          dbName: 'keycard',
          collectionName,
          autoRemove: 'disabled',
          stringify: theirsText,
        });
        ours = new MongoStore({ client, dbName: 'keycard', collectionName, stringify: oursText, pruneInterval: false });
        await asPeer.set('first', { cookie: cookieUntil(Date.now() + DAY), by: 'peer' });
        await ours.open();
      });
      afterAll(async () => {
        await documents.drop();
        await client.close();
      });

      it("opens on the peer's own collection, with what is in it", async () => {
        expect(JSON.parse((await ours.load('first'))!.text)).toMatchObject({ by: 'peer' });
      });

      // The peer can't read what the other mode writes, its own sessions included.
      if (oursText === theirsText) {
        it('carries one session there and back, and nothing is lost', async () => {
          const end = Date.now() + DAY;
          const data = { cart: ['a'], nul: 'a\u0000b', '7': 1, deep: { ü: [null, 0.5, -1] } };
          const text = JSON.stringify({ cookie: cookieUntil(end), ...data, __keycard: { v: 1, e: end, p: '7' } });
          await ours.create('shared', { text, expiresAt: end, principal: '7' });

          const seen = (await asPeer.get('shared'))!;
          expect(plain(seen)).toEqual(JSON.parse(text));
          const changed = { ...seen, cart: ['a', 'b'], cookie: cookieUntil(end + 3_000) };
          await asPeer.set('shared', changed);

          const back = (await ours.load('shared'))!;
          expect(JSON.parse(back.text)).toEqual(plain(changed));
          expect(back.expiresAt).toBe(end + 3_000);
          expect(await ours.count({ principal: '7' })).toBe(1);

          expect(await ours.replace('shared', { text, expiresAt: end, principal: '7' }, back.revision)).toBe('ok');
          expect(plain(await asPeer.get('shared'))).toEqual(JSON.parse(text));
        });
      }

      it('lets a write of the peer win over an older revision of ours, though it leaves our mark as it was', async () => {
        const end = Date.now() + DAY;
        const text = JSON.stringify({ cookie: cookieUntil(end), views: 1 });
        await ours.create('raced', { text, expiresAt: end });
        const { revision } = (await ours.load('raced'))!;
        await asPeer.set('raced', { cookie: cookieUntil(end), views: 2 });
        expect(await ours.replace('raced', { text, expiresAt: end }, revision)).toBe('conflict');
        expect(await ours.destroy('raced', revision)).toBe('conflict');
        expect(await asPeer.get('raced')).toMatchObject({ views: 2 });
      });

      it('keeps a session alive that the peer has touched', async () => {
        const end = Date.now() + DAY;
        const text = JSON.stringify({ cookie: cookieUntil(end), views: 1 });
        await ours.create('touched', { text, expiresAt: end });
        await asPeer.touch('touched', { cookie: cookieUntil(end + 61_000) });
        const found = (await ours.load('touched'))!;
        expect(found.expiresAt).toBe(end + 61_000);
        expect(await ours.replace('touched', { text, expiresAt: end }, found.revision)).toBe('ok');
      });

      it('sees what the other side has destroyed', async () => {
        const end = Date.now() + DAY;
        const record = { text: JSON.stringify({ cookie: cookieUntil(end) }), expiresAt: end };
        for (const id of ['mine', 'yours']) await ours.create(id, record);
        const { revision } = (await ours.load('mine'))!;
        await asPeer.destroy('mine');
        expect(await ours.replace('mine', record, revision)).toBe('gone');
        expect(await ours.destroy('yours')).toBe('ok');
        expect(await asPeer.get('yours')).toBeNull();
      });

      it('finds a session by its own principal, whatever a peer has made of the mark beside it', async () => {
        const end = Date.now() + DAY;
        const owned = (p?: string) => ({ cookie: cookieUntil(end), __keycard: { v: 1, p } });
        const ids = async (principal: string) => {
          const found: string[] = [];
          for await (const { id } of ours.list({ principal })) found.push(id);
          return found;
        };
        for (const [id, p] of Object.entries({ moved: 'alice', left: 'alice', copied: 'bob' })) {
          await ours.create(id, { text: JSON.stringify(owned(p)), expiresAt: end, principal: p });
        }
        await asPeer.set('moved', owned('bob'));
        await asPeer.set('left', owned());
        await asPeer.destroy('copied');
        await asPeer.set('copied', owned('alice'));
        expect(await ids('alice')).toEqual([]);
        // A load finds the copy without a mark, and the list of all finds the rest.
        await ours.load('copied');
        expect(await ids('alice')).toEqual(['copied']);
        expect(await ids('bob')).toEqual(['moved']);
        expect(await documents.findOne({ _id: 'left' as never })).not.toHaveProperty('keycard.p');
      });
    });
  }

  it('keeps the types that a sub-document has and JSON lacks, as long as the value is unchanged', async () => {
    const client = new MongoClient(server.url);
    const documents = client.db('keycard').collection(uniqueName('types'));
    const store = new MongoStore({ collection: documents, stringify: false });
    const at = new Date(1_700_000_000_000);
    const owner = new ObjectId();
    const session = { cookie: { originalMaxAge: null, expires: null }, at, other: at, owner, list: [{ at }, 1] };
    await documents.insertOne({ _id: 'typed' as never, session });
    const { text, revision } = (await store.load('typed'))!;
    expect(JSON.parse(text)).toMatchObject({ at: at.toISOString(), owner: owner.toHexString() });
    const changed = JSON.stringify({ ...(JSON.parse(text) as Data), other: '2024-01-01', added: 1 });
    expect(await store.replace('typed', { text: changed, expiresAt: Date.now() + DAY }, revision)).toBe('ok');
    expect((await documents.findOne({}))!['session']).toEqual({ ...session, other: '2024-01-01', added: 1 });
    await documents.drop();
    await client.close();
  });
});

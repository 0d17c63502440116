import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Collection, MongoClient, ObjectId } from 'mongodb';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const END = Date.now() + 3_600_000;
const LATER = new Date(END);

describeWithServer('mongo', (server) => {
  let client: MongoClient;
  let documents: Collection;
  let store: MongoStore;
  const put = (document: object) => documents.insertOne(document as never);
  const listed = async () => {
    const ids: string[] = [];
    for await (const { id } of store.list({ batch: 3 })) ids.push(id);
    return ids;
  };

  beforeAll(async () => {
    client = new MongoClient(server.url);
    documents = client.db('keycard').collection(uniqueName('garbage'));
    store = new MongoStore({ collection: documents, stringify: false });
  });
  afterAll(async () => {
    await documents.drop();
    await client.close();
  });

  it('takes a document that holds no session for none, and lists the others beside it', async () => {
    await store.create('m-good', { text: '{"cookie":{}}', expiresAt: END });
    const values = [7, true, null, [], ['{}'], new Date(), new ObjectId(), Buffer.from('{}'), /x/];
    for (const [n, session] of values.entries()) await put({ _id: `garbage-${n}`, session, expires: LATER });
    await put({ _id: 'no-session', expires: LATER });
    await put({ session: '{}', expires: LATER });
    await put({ _id: 7, session: '{}', expires: LATER });
    for (const id of [...values.map((_, n) => `garbage-${n}`), 'no-session', '7']) {
      expect(await store.load(id)).toBeUndefined();
    }
    expect(await listed()).toEqual(['m-good']);
    expect(await store.load('m-good')).toBeDefined();
  });

  it('takes an `expires` that is no date for the end', async () => {
    for (const [n, expires] of ['soon', 7, null, {}, [LATER.toISOString()], '2999-01-01T00:00:00.000Z'].entries()) {
      await put({ _id: `ends-${n}`, session: '{}', expires });
      expect(await store.load(`ends-${n}`)).toBeUndefined();
    }
  });

  it('never ends a document without `expires`', async () => {
    await put({ _id: 'forever', session: '{"views":1}' });
    const found = await store.load('forever');
    expect(found?.text).toBe('{"views":1}');
    expect(found?.expiresAt).toBeUndefined();
    expect(await store.replace('forever', { text: '{"views":2}', expiresAt: END }, found!.revision)).toBe('ok');
    expect((await store.load('forever'))?.expiresAt).toBe(END);
  });

  it('hands any text and any sub-document on, whatever it holds', async () => {
    const texts = ['', '{"cookie":{"origi', '[]', '{"__proto__":{"polluted":1}}', `"${'x'.repeat(5_000_000)}"`];
    for (const [n, text] of texts.entries()) {
      await put({ _id: `text-${n}`, session: text, expires: LATER });
      // Compared by hand: a failing match would print 5 MB.
      expect((await store.load(`text-${n}`))?.text === text).toBe(true);
    }
    const forged = JSON.parse('{"cookie":7,"__proto__":{"polluted":1},"__keycard":{"p":{"ne":null}}}') as object;
    await put({ _id: 'forged', session: forged, expires: LATER });
    expect((await store.load('forged'))?.text).toBe(JSON.stringify(forged));
    await put({ _id: 'marked', session: '{}', expires: LATER, keycard: 'none' });
    await put({ _id: 'marked-2', session: '{}', expires: LATER, keycard: { p: 7, rev: { ne: 1 } } });
    for (const id of ['marked', 'marked-2', 'forged']) {
      const { revision } = (await store.load(id))!;
      expect(await store.replace(id, { text: '{"views":2}', expiresAt: END }, revision)).toBe('ok');
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('takes an id and a principal for text, whatever a caller without types hands in', async () => {
    await store.create('target', { text: '{"__keycard":{"p":"7"}}', expiresAt: END, principal: '7' });
    const injection = { $ne: '' } as unknown as string;
    expect(await store.load(injection)).toBeUndefined();
    expect(await store.destroy(injection)).toBe('gone');
    expect(await store.count({ principal: injection })).toBe(0);
    expect(await store.load('target')).toBeDefined();
  });

  it('writes as text what a sub-document would spoil, and as a sub-document what it keeps', async () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { d: nested(depth - 1) });
    const spoilt = {
      'half a pair': { note: '\ud83c!' },
      'half a pair in a key': { '\ud83c': 1 },
      'a zero in a key': { 'a\u0000b': 1 },
      "the driver's own word": { value: { _bsontype: 'ObjectId' } },
      'a hundred levels': { deep: nested(100) },
    };
    for (const [id, data] of Object.entries(spoilt)) {
      const text = JSON.stringify({ cookie: {}, ...data });
      await store.create(id.replaceAll(' ', '-'), { text, expiresAt: END });
      expect((await store.load(id.replaceAll(' ', '-')))?.text).toBe(text);
      expect(await documents.findOne({ _id: id.replaceAll(' ', '-') as never })).toMatchObject({ session: text });
    }
    // What the server keeps of these is its own affair: one takes them, another doesn't.
    for (const [n, key] of ['$where', 'a.b', '', '__proto__', '$ref'].entries()) {
      const text = `{"cookie":{},${JSON.stringify(key)}:{"$gt":1}}`;
      await store.create(`key-${n}`, { text, expiresAt: END });
      const found = (await store.load(`key-${n}`))!;
      expect(found.text).toBe(text);
      expect(await store.replace(`key-${n}`, { text, expiresAt: END }, found.revision)).toBe('ok');
    }
    const text = `{"cookie":{},"deep":${JSON.stringify(nested(80))}}`;
    await store.create('fits', { text, expiresAt: END });
    expect(typeof (await documents.findOne({ _id: 'fits' as never }))!['session']).toBe('object');
  });

  it('replaces a sub-document though the driver gives it in another order than it lies there', async () => {
    // Keys that are numbers come first in an object of JavaScript's.
    await documents.insertOne({
      _id: 'order' as never,
      session: new Map<string, unknown>([
        ['b', 1],
        ['7', 2],
        ['cookie', {}],
      ]),
      expires: LATER,
    });
    const { revision, text } = (await store.load('order'))!;
    expect(text).toBe('{"7":2,"b":1,"cookie":{}}');
    expect(await store.replace('order', { text: '{"cookie":{},"b":2}', expiresAt: END }, revision)).toBe('ok');
    expect(await store.replace('order', { text: '{"cookie":{},"b":3}', expiresAt: END }, revision)).toBe('conflict');
    expect((await store.load('order'))?.text).toBe('{"cookie":{},"b":2}');
  });

  it('takes a create that is sent twice for one', async () => {
    for (const stringify of [true, false]) {
      const again = new MongoStore({ collection: documents, stringify });
      const record = { text: `{"cookie":{},"n":"once-${stringify}"}`, expiresAt: END };
      await again.create(`twice-${stringify}`, record);
      await again.create(`twice-${stringify}`, record);
      await expect(again.create(`twice-${stringify}`, { ...record, text: '{}' })).rejects.toMatchObject({
        code: 'ID_TAKEN',
      });
    }
  });

  it('gives the default life to a record that names no end', async () => {
    const shortLived = new MongoStore({ collection: documents, ttl: 60, clock: { now: () => END } });
    await shortLived.create('endless', { text: '{}', expiresAt: Number.POSITIVE_INFINITY });
    expect((await shortLived.load('endless'))?.expiresAt).toBe(END + 60_000);
  });
});

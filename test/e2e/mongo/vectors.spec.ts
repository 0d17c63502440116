import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { BSON, type Collection, MongoClient } from 'mongodb';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

type Document = Record<string, unknown>;
type Call = [method: string, ...parameters: Document[]];
interface Vector {
  readonly description: string;
  readonly options: { readonly stringify?: boolean; readonly touchAfter?: number };
  readonly onSet: Call[];
  readonly touch10sLater: Call[];
}
interface RealBson {
  readonly document: Document;
  readonly bsonHex: string;
}

const captured = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/mongo.json'), 'utf8')) as {
  readonly vectors: readonly Vector[];
  readonly realBson: { readonly stringifyFalse: RealBson; readonly stringifyTrue: RealBson };
};
/** When the vectors were captured. */
const START = Date.parse('2026-01-01T00:00:00.000Z');

const fromJson = (value: unknown): Document => BSON.EJSON.deserialize(value as Document) as Document;
const updateOf = (calls: readonly Call[]): Document[] =>
  calls
    .find(([method]) => method === 'updateOne')!
    .slice(1)
    .map(fromJson);
/** What the peer keeps; the rest is ours. */
const peersPart = ({ _id, session, expires }: Document): Document => ({ _id, session, expires });

describeWithServer('mongo', (server) => {
  let client: MongoClient;
  let documents: Collection;
  const storeOf = (stringify: boolean) =>
    new MongoStore({ collection: documents, stringify, clock: { now: () => START }, pruneInterval: false });
  const only = async (): Promise<Document> => (await documents.findOne({})) as Document;

  beforeAll(() => {
    client = new MongoClient(server.url);
    documents = client.db('keycard').collection(uniqueName('vectors'));
  });
  beforeEach(async () => {
    await documents.deleteMany({});
  });
  afterAll(async () => {
    await documents.drop();
    await client.close();
  });

  it('has six vectors, and two that the driver itself has written', () => {
    expect(captured.vectors.length).toBe(6);
    expect(Object.keys(captured.realBson)).toEqual(['description', 'stringifyFalse', 'stringifyTrue']);
  });

  for (const { description, options, onSet, touch10sLater } of captured.vectors) {
    const title = `${description} ${JSON.stringify(options)}`;
    const [filter, update, upsert] = updateOf(onSet);
    const written = update!['$set'] as Document;
    const text = typeof written['session'] === 'string' ? written['session'] : JSON.stringify(written['session']);
    const expiresAt = (written['expires'] as Date).getTime();
    const alive = expiresAt > START;

    for (const stringify of [true, false]) {
      it(`reads what the peer writes, with stringify ${stringify}: ${title}`, async () => {
        await documents.updateOne(filter!, update!, upsert);
        const found = await storeOf(stringify).load('abc123');
        expect(found?.text).toBe(alive ? text : undefined);
        expect(found?.expiresAt).toBe(alive ? expiresAt : undefined);
      });
    }

    // `lastModified` is what the peer's touchAfter goes by; its reading leaks that into the data, which ours doesn't repeat.
    it(`writes the peer's document, and one field beside it: ${title}`, async () => {
      await storeOf(options.stringify !== false).create('abc123', { text, expiresAt, principal: '7' });
      const document = await only();
      expect(document).toEqual({ ...peersPart(written), keycard: { p: '7', rev: expect.any(String) } });
      expect(Object.keys(document)).toEqual(['_id', 'session', 'expires', 'keycard']);
    });

    it(`replaces the peer's document, and leaves alone what else it keeps there: ${title}`, async () => {
      await documents.updateOne(filter!, update!, upsert);
      if (!alive) return;
      const store = storeOf(options.stringify !== false);
      const { revision } = (await store.load('abc123'))!;
      expect(await store.replace('abc123', { text, expiresAt }, revision)).toBe('ok');
      expect(await only()).toEqual({ ...written, keycard: { rev: expect.any(String) } });
    });

    it(`sees a touch by the peer: ${title}`, async () => {
      const store = storeOf(true);
      await store.create('abc123', { text, expiresAt });
      const [touched, touch] = updateOf(touch10sLater);
      await documents.updateOne(touched!, touch!);
      // The peer's touch brings an expired session back for a moment: its defect, and not ours to mend.
      expect((await store.load('abc123'))?.expiresAt).toBe(expiresAt + 10_000);
    });
  }

  for (const [name, stringify] of [
    ['stringifyFalse', false],
    ['stringifyTrue', true],
  ] as const) {
    it(`gives and takes the very bytes of the driver: ${name}`, async () => {
      const { document, bsonHex } = captured.realBson[name];
      const bytes = Buffer.from(bsonHex, 'hex');
      expect(BSON.deserialize(bytes)).toEqual(fromJson(document));
      await documents.insertOne(BSON.deserialize(bytes));
      const store = storeOf(stringify);
      const { text, expiresAt } = (await store.load('abc123'))!;
      expect(JSON.parse(text)).toMatchObject({ user: { id: 7, name: 'John Doe' }, views: 3 });
      expect(await store.destroy('abc123')).toBe('ok');
      await store.create('abc123', { text, expiresAt: expiresAt! });
      expect(Buffer.from(BSON.serialize(peersPart(await only()))).toString('hex')).toBe(bsonHex);
    });
  }
});

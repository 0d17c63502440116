import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const END = Date.now() + 3_600_000;

describeWithServer('postgres', (server) => {
  const tableName = uniqueName('garbage');
  let pool: Pool;
  let store: PostgresStore;
  const put = (id: string, sess: string, expire = '2999-01-01') =>
    pool.query(`INSERT INTO ${tableName} (sid, sess, expire) VALUES ($1, $2, $3)`, [id, sess, expire]);

  beforeAll(async () => {
    // West of UTC, where the latest of all timestamps has no instant.
    pool = new Pool({ connectionString: server.url, max: 2, options: '-c TimeZone=America/New_York' });
    store = new PostgresStore({ pool, tableName, pruneInterval: false });
    await store.open();
  });
  afterAll(async () => {
    await pool.query(`DROP TABLE ${tableName}`);
    await pool.end();
  });

  it('hands JSON on as text, whatever it holds, and lists the others beside it', async () => {
    const texts = [
      '[]',
      '7',
      '"text"',
      'null',
      '  { }',
      '{"__keycard":7}',
      '{"__keycard":{"p":{"a":1}}}',
      '{"__keycard":{"p":[]},"__keycard":null}',
      '{"cookie":"none","a":"\\u0000","a":"\\ud800"}',
      '{"cookie":{"expires":7,"originalMaxAge":"long"}}',
      '{"__proto__":{"polluted":1}}',
      `{"blob":"${'x'.repeat(5_000_000)}"}`,
      `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
    ];
    for (const [n, text] of texts.entries()) await put(`text-${n}`, text);
    const found = await Promise.all(texts.map((_, n) => store.load(`text-${n}`)));
    // Compared by hand: a failing match would print 5 MB.
    expect(found.map((one, n) => one?.text === texts[n])).toEqual(texts.map(() => true));
    let listed = 0;
    for await (const _ of store.list()) listed++;
    expect(listed).toBe(texts.length);
    expect(await store.count({ principal: '7' })).toBe(0);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('takes any time that the column holds', async () => {
    for (const expire of [
      'infinity',
      '-infinity',
      '0044-03-15 BC',
      '1969-12-31 23:59:59.9',
      '294276-12-31 23:59:59',
      '2999-01-01 00:00:00.000999',
    ]) {
      await put(`time-${expire}`, '{}', expire);
    }
    const alive = async (expire: string) => (await store.load(`time-${expire}`)) !== undefined;
    expect(await alive('infinity')).toBe(true);
    expect(await alive('294276-12-31 23:59:59')).toBe(true);
    expect(await alive('2999-01-01 00:00:00.000999')).toBe(true);
    expect(await alive('-infinity')).toBe(false);
    expect(await alive('0044-03-15 BC')).toBe(false);
    expect(await alive('1969-12-31 23:59:59.9')).toBe(false);
    expect(await store.prune()).toBe(3);
    expect(await alive('infinity')).toBe(true);
  });

  it('takes an id for an id, though it reads like SQL', async () => {
    for (const id of [
      `x';DROP/**/TABLE/**/${tableName};--`,
      `'OR'1'='1`,
      '"},{"',
      '{text-1,text-2}',
      '\\',
      '$1',
      '%',
      'NULL',
    ]) {
      expect(await store.load(id)).toBeUndefined();
      await store.create(id, { text: '{"mine":1}', expiresAt: END });
      expect((await Promise.all([store.load(id), store.load('text-1')])).map((one) => one?.text)).toEqual([
        '{"mine":1}',
        '7',
      ]);
      expect(await store.destroy(id)).toBe('ok');
      expect(await store.destroy(id)).toBe('gone');
    }
  });

  it('refuses a text that the column can not hold, writes nothing, and serves the others of that moment', async () => {
    const write = (id: string, text: string) => store.create(id, { text, expiresAt: END });
    const results = await Promise.allSettled([
      write('good-1', '{"n":1}'),
      write('bad-1', '{"cookie":'),
      write('bad-2', '{"raw":"\0"}'),
      write('good-2', '{"n":2}'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      name: 'SessionStoreError',
      code: 'REFUSED',
      cause: expect.objectContaining({ code: '22P02' }),
    });
    const found = await Promise.all(['good-1', 'bad-1', 'bad-2', 'good-2'].map((id) => store.load(id)));
    expect(found.map((one) => one?.text)).toEqual(['{"n":1}', undefined, undefined, '{"n":2}']);
  });

  it('lets no text spill over into the records that share its query', async () => {
    const texts = ['{"n":1}', '{"n":2}\u001f{"n":3}', '\u001f', '{"n":4,"note":"\\u001f"}', '{"raw":"\u001f"}'];
    const results = await Promise.allSettled(
      texts.map((text, n) => store.create(`spill-${n}`, { text, expiresAt: END })),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected']);
    const found = await Promise.all(texts.map((_, n) => store.load(`spill-${n}`)));
    expect(found.map((one) => one?.text)).toEqual([texts[0], undefined, undefined, texts[3], undefined]);
    const [first, , , fourth] = found;
    const swapped = await Promise.allSettled([
      store.replace('spill-0', { text: texts[1]!, expiresAt: END }, first!.revision),
      store.replace('spill-3', { text: '{"n":5}', expiresAt: END }, fourth!.revision),
    ]);
    expect(swapped.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect((await Promise.all([0, 3].map((n) => store.load(`spill-${n}`)))).map((one) => one?.text)).toEqual([
      texts[0],
      '{"n":5}',
    ]);
  });

  it('keeps a principal longer than an index page and one with control characters', async () => {
    for (const principal of ['p'.repeat(20_000), 'a\u0000b', '\u001f\\u001f', '\ud83c']) {
      const text = JSON.stringify({ cookie: {}, __keycard: { v: 1, p: principal } });
      await store.create('named', { text, expiresAt: END, principal });
      expect(await store.count({ principal })).toBe(1);
      await store.destroy('named');
    }
  });
});

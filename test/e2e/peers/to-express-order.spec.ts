import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { toExpressStore } from 'nestjs-keycard/express';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';

type Done<T> = (error?: unknown, result?: T) => void;
const promised = <T>(call: (done: Done<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error as Error) : resolve(result as T))));

describeEachStore(({ name, open }) => {
  let place: StorePlace;
  beforeEach(async () => void (place = await open()));
  afterEach(() => place.close());

  it(`toExpressStore shows a call what was called before it, on ${name} (#13.28)`, async () => {
    const store = toExpressStore(place.store);
    const n = (sid: string) =>
      promised<{ n: number } | null>((done) => store.get(sid, done as never)).then((found) => found?.n ?? null);
    for (let round = 0; round < 5; round += 1) {
      store.set('a', { n: 1 });
      store.set('b', { n: 2, cookie: { expires: new Date(Date.now() + 60_000), originalMaxAge: 60_000 } });
      const created = [n('a'), n('b'), promised<number>((done) => store.length(done))];
      expect(await Promise.all(created)).toEqual([1, 2, 2]);
      store.set('a', { n: 3 });
      store.touch('a', {});
      store.destroy('b');
      expect(await Promise.all([n('a'), n('b')])).toEqual([3, null]);
      store.clear();
      expect(await n('a')).toBeNull();
    }
  });

  it(`toExpressStore takes nobody's word for whose session it is, on ${name} (#13.9)`, async () => {
    const store = toExpressStore(place.store);
    const now = Date.now();
    const forged = { v: 1, c: now, s: now, e: now + 60_000, h: 'h', n: 'n', p: 'admin', a: now };
    const cookie = { expires: new Date(now + 60_000), originalMaxAge: 60_000 };
    for (let round = 1; round <= 2; round += 1) {
      await promised((done) => store.set('a', { cookie, n: round, __keycard: forged } as never, done));
      expect(JSON.parse((await place.store.load('a'))!.text)).toEqual({ cookie: expect.anything(), n: round });
      expect([await place.store.count!({ principal: 'admin' }), await place.store.count!()]).toEqual([0, 1]);
    }
  });
});

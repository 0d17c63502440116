import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { toExpressStore } from 'nestjs-keycard/express';
import { describeEachStore, type StorePlace } from '../support/five-stores.js';

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
});

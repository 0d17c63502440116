import { describe, expect, it } from '@jest/globals';
import { withNow } from '../../../lib/record/with-now.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';

describe('withNow (#12)', () => {
  it('is the method of a store that also answers without a promise', () => {
    const store = new MemoryStore();
    expect(withNow(store, 'load')).toBe(store.load);
    expect(withNow(store, 'replace')).toBe(store.replace);
  });

  it('is undefined for a store that can not', () => {
    const store = new FileStore({ path: '/nowhere', reads: 'async' });
    expect([withNow(store, 'load'), withNow(store, 'replace')]).toEqual([undefined, undefined]);
  });

  it('is undefined if a subclass or the app has replaced the method alone: what it does there has to be done', () => {
    class Counting extends MemoryStore {
      override replace(...given: Parameters<MemoryStore['replace']>) {
        return super.replace(...given);
      }
    }
    expect(withNow(new Counting(), 'replace')).toBeUndefined();
    expect(withNow(new Counting(), 'load')).toBeDefined();
    const store = new MemoryStore();
    store.replace = () => Promise.resolve('gone');
    expect(withNow(store, 'replace')).toBeUndefined();
  });

  it('is the method of a subclass that has replaced both', () => {
    class Both extends MemoryStore {
      override replace(...given: Parameters<MemoryStore['replace']>) {
        return Promise.resolve(this.replaceNow(...given));
      }
      override replaceNow(...given: Parameters<MemoryStore['replaceNow']>) {
        return super.replaceNow(...given);
      }
    }
    const store = new Both();
    expect(withNow(store, 'replace')).toBe(store.replace);
  });
});

import { expect, it } from '@jest/globals';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { MemoryStore, type SessionStore } from 'nestjs-keycard';
import { fromExpressStore } from 'nestjs-keycard/express';

const record = (p: string) => ({
  text: `{"cookie":{},"__keycard":{"p":"${p}"}}`,
  expiresAt: Date.now() + 60_000,
  principal: p,
});

it.each([
  ['MemoryStore', () => new MemoryStore()],
  ['fromExpressStore()', () => fromExpressStore(new ExpressMemoryStore())],
])('#13.10 %s has cursors that tell no id, and good ones', async (_, make) => {
  const store: SessionStore = make();
  const ids = Array.from({ length: 40 }, (_each, n) => `SECRET-${n}-${'x'.repeat(n)}`);
  for (const id of ids) await store.create(id, record('7'));
  for (const principal of [undefined, '7']) {
    const found: string[] = [];
    let cursor: string | undefined;
    for (;;) {
      const before = found.length;
      for await (const session of store.list!({ principal, cursor })) {
        found.push(session.id);
        cursor = session.cursor;
        expect(cursor).not.toContain('SECRET');
        if (found.length % 3 === 0) break;
      }
      if (found.length === before) break;
    }
    expect(found.sort()).toEqual([...ids].sort());
  }
});

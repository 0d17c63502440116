import { describe, expect, it, jest } from '@jest/globals';

import { type Clock } from '../../../lib/stores/clock.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import type {
  ListedSession,
  ListQuery,
  SessionRecord,
  SessionStore,
  StoredSession,
  WriteResult,
} from '../../../lib/stores/session-store.js';
import type { ContractRegister, ContractRunner } from '../../../lib/testing/contract/runner.js';
import { storeContract, type StoreContractOptions } from '../../../lib/testing/store-contract.js';

/** Runs the suite on a store, and gives the titles of the tests that failed and of those left out. */
async function runContract(
  options: Omit<StoreContractOptions, 'runner'>,
): Promise<{ failed: string[]; skipped: string[]; ran: number }> {
  const tests: [string, () => Promise<void>][] = [];
  const hooks = { before: [] as (() => Promise<void>)[], after: [] as (() => Promise<void>)[] };
  const skipped: string[] = [];
  const register: ContractRegister = (title, body) => tests.push([title, body]);
  const runner: ContractRunner = {
    describe: (_, body) => body(),
    it: Object.assign(register.bind(undefined), { skip: (title: string) => skipped.push(title) }),
    expect,
    beforeEach: (body) => hooks.before.push(body),
    afterEach: (body) => hooks.after.push(body),
  };
  storeContract({ ...options, runner });
  const failed: string[] = [];
  for (const [title, body] of tests) {
    for (const hook of hooks.before) await hook();
    await body().catch(() => failed.push(title));
    for (const hook of hooks.after) await hook();
  }
  return { failed, skipped, ran: tests.length };
}

async function* only(
  sessions: AsyncIterable<ListedSession>,
  keep: (session: ListedSession) => boolean,
): AsyncIterable<ListedSession> {
  for await (const session of sessions) if (keep(session)) yield session;
}

/** Each has one defect. */
const DEFECTS: Record<string, (clock: Clock) => SessionStore> = {
  'overwrites a taken id': (clock) =>
    new (class extends MemoryStore {
      override async create(id: string, record: SessionRecord): Promise<void> {
        await this.destroy(id);
        await super.create(id, record);
      }
    })({ clock }),
  'throws another error on a taken id': (clock) =>
    new (class extends MemoryStore {
      override create(id: string, record: SessionRecord): Promise<void> {
        return super.create(id, record).catch(() => Promise.reject(new Error('taken')));
      }
    })({ clock }),
  'replaces any version': (clock) =>
    new (class extends MemoryStore {
      override async replace(id: string, record: SessionRecord): Promise<WriteResult> {
        return super.replace(id, record, (await this.load(id))?.revision);
      }
    })({ clock }),
  'compares, waits, and writes': (clock) =>
    new (class extends MemoryStore {
      override async replace(id: string, record: SessionRecord, revision: unknown): Promise<WriteResult> {
        const found = await this.load(id);
        if (found === undefined) return 'gone';
        if (found.revision !== revision) return 'conflict';
        await new Promise((resolve) => setImmediate(resolve));
        return super.replace(id, record, (await this.load(id))?.revision);
      }
    })({ clock }),
  'writes a destroyed session back': (clock) =>
    new (class extends MemoryStore {
      override async replace(id: string, record: SessionRecord, revision: unknown): Promise<WriteResult> {
        const result = await super.replace(id, record, revision);
        if (result === 'gone') await this.create(id, record);
        return result;
      }
    })({ clock }),
  'destroys any version': (clock) =>
    new (class extends MemoryStore {
      override destroy(id: string): Promise<WriteResult> {
        return super.destroy(id);
      }
    })({ clock }),
  'says ok to a second destroy': (clock) =>
    new (class extends MemoryStore {
      override async destroy(id: string, revision?: unknown): Promise<WriteResult> {
        const result = await super.destroy(id, revision);
        return result === 'gone' ? 'ok' : result;
      }
    })({ clock }),
  'never lets anything expire': () => new MemoryStore({ clock: { now: () => 0 } }),
  'keeps the first expiry': (clock) =>
    new (class extends MemoryStore {
      override async replace(id: string, record: SessionRecord, revision: unknown): Promise<WriteResult> {
        const { expiresAt = record.expiresAt } = (await this.load(id)) ?? {};
        return super.replace(id, { ...record, expiresAt }, revision);
      }
    })({ clock }),
  'keeps the first principal': (clock) =>
    new (class extends MemoryStore {
      private readonly first = new Map<string, string | undefined>();
      override create(id: string, record: SessionRecord): Promise<void> {
        this.first.set(id, record.principal);
        return super.create(id, record);
      }
      override replace(id: string, record: SessionRecord, revision: unknown): Promise<WriteResult> {
        return super.replace(id, { ...record, principal: this.first.get(id) }, revision);
      }
    })({ clock }),
  'lists everybody for a principal': (clock) =>
    new (class extends MemoryStore {
      override list(query: ListQuery = {}): AsyncIterable<ListedSession> {
        return super.list({ ...query, principal: undefined });
      }
    })({ clock }),
  'takes a principal for a prefix': (clock) =>
    new (class extends MemoryStore {
      override list(query: ListQuery = {}): AsyncIterable<ListedSession> {
        const { principal } = query;
        const sessions = super.list({ ...query, principal: undefined });
        if (principal === undefined) return sessions;
        return only(sessions, ({ text }) => text.includes(`"p":"${principal.slice(0, 1)}`));
      }
    })({ clock }),
  'starts anew at every cursor': (clock) =>
    new (class extends MemoryStore {
      override list(query: ListQuery = {}): AsyncIterable<ListedSession> {
        return super.list({ ...query, cursor: undefined });
      }
    })({ clock }),
  'lists each session twice': (clock) =>
    new (class extends MemoryStore {
      override async *list(query: ListQuery = {}): AsyncIterable<ListedSession> {
        for await (const session of super.list(query)) yield* [session, session];
      }
    })({ clock }),
  'counts one too few': (clock) =>
    new (class extends MemoryStore {
      override async count(query: { principal?: string | undefined } = {}): Promise<number> {
        return Math.max(0, (await super.count(query)) - 1);
      }
    })({ clock }),
  'clears nothing': (clock) =>
    new (class extends MemoryStore {
      override clear(): Promise<void> {
        return Promise.resolve();
      }
    })({ clock }),
  'prunes what lives': (clock) =>
    new (class extends MemoryStore {
      override async prune(): Promise<number> {
        await this.clear();
        return 0;
      }
    })({ clock }),
  'changes the order of keys': (clock) =>
    new (class extends MemoryStore {
      override async load(id: string): Promise<StoredSession | undefined> {
        const found = await super.load(id);
        const keys = Object.entries(JSON.parse(found?.text ?? '{}') as object).reverse();
        return found && { ...found, text: JSON.stringify(Object.fromEntries(keys)) };
      }
    })({ clock }),
  'keeps Latin letters only': (clock) =>
    new (class extends MemoryStore {
      override create(id: string, record: SessionRecord): Promise<void> {
        return super.create(id, { ...record, text: Buffer.from(record.text, 'latin1').toString('latin1') });
      }
    })({ clock }),
  'folds the case of ids': (clock) =>
    new (class extends MemoryStore {
      override create(id: string, record: SessionRecord): Promise<void> {
        return super.create(id.toLowerCase(), record);
      }
      override load(id: string): Promise<StoredSession | undefined> {
        return super.load(id.toLowerCase());
      }
    })({ clock }),
  'fails to close twice': (clock) =>
    new (class extends MemoryStore {
      private closed = 0;
      override close(): Promise<void> {
        return ++this.closed === 2 ? Promise.reject(new Error('closed')) : super.close();
      }
    })({ clock }),
};

describe('the contract suite', () => {
  it.each(Object.entries(DEFECTS))('finds the defect of a store that %s', async (_, make) => {
    const { failed } = await runContract({ name: 'Broken', create: ({ clock }) => ({ store: make(clock) }) });
    expect(failed).not.toEqual([]);
  });

  it('finds none in a store that keeps it', async () => {
    const { failed, ran } = await runContract({
      name: 'Sound',
      create: ({ clock }) => ({ store: new MemoryStore({ clock }) }),
    });
    expect(failed).toEqual([]);
    expect(ran).toBeGreaterThan(50);
  });

  it('accepts JSON values in place of text if the store says that it keeps no text', async () => {
    const create = (options: { clock: Clock }) => ({ store: DEFECTS['changes the order of keys']!(options.clock) });
    expect((await runContract({ name: 'Values', create, exactText: false })).failed).toEqual([]);
  });

  it('leaves out what is to be skipped, and logs the reason', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const create = (options: { clock: Clock }) => ({ store: DEFECTS['fails to close twice']!(options.clock) });
    const skip = { 'may be closed twice': 'it never could' };
    const { failed, skipped } = await runContract({ name: 'Once', create, skip });
    expect(failed).toEqual([]);
    expect(skipped).toEqual(['may be closed twice (it never could)']);
    expect(warn).toHaveBeenCalledWith('Once: skipped "may be closed twice": it never could');
    warn.mockRestore();
  });

  it('refuses to skip what it does not have', async () => {
    const skip = { 'is fast': 'it is not' };
    await expect(runContract({ name: 'Slow', create: () => ({ store: new MemoryStore() }), skip })).rejects.toThrow(
      'is fast',
    );
  });
});

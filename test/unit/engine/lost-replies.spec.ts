import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, type Revision, type SessionRecord, type WriteResult } from 'nestjs-keycard';
import { resolveOptions, type ResolvedOptions } from '../../../lib/engine/resolve-options.js';
import type { SessionCore } from '../../../lib/engine/session-core.js';
import { SessionManager } from '../../../lib/engine/session-manager.js';
import type { SessionValues } from '../../../lib/engine/record-text.js';

const ID = 'a-session-that-many-count-in';

/** A store whose client loses a reply now and then, and sends the command again. */
class LosingStore extends MemoryStore {
  /** What others do between the lost reply and the next try. */
  between: (() => Promise<unknown>) | undefined;

  override async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    const { between } = this;
    if (between === undefined) return super.replace(id, record, revision);
    this.between = undefined;
    await super.replace(id, record, revision);
    await between();
    return super.replace(id, record, revision);
  }
}

let store: LosingStore;
const manager = (options: object = {}): SessionManager => {
  const logger = { warn: () => undefined, error: () => undefined };
  return new SessionManager(resolveOptions({ secret: 'x'.repeat(32), logger, ...options }) as ResolvedOptions, store);
};
const add = (core: SessionCore, one: SessionManager) => one.writer.update(core, (draft) => void (draft['views'] = (draft['views'] as number) + 1));
const open = async (one: SessionManager): Promise<SessionCore> => (await one.open(ID))!;
const stored = async (one: SessionManager): Promise<SessionValues> => (await open(one)).values();

beforeEach(async () => {
  store = new LosingStore();
  const cookie = { originalMaxAge: null, httpOnly: true, path: '/' };
  await store.create(ID, { text: JSON.stringify({ cookie, views: 0 }), expiresAt: Date.now() + 3_600_000 });
});

describe('a write whose reply was lost', () => {
  it('is found again by its nonce', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => undefined;
    expect(await add(core, one)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 1 });
    expect(one.writer.counters.lostReplies).toBe(1);
  });

  it.each([
    ['another process adds, too', async (rival: SessionManager) => void (await add(await open(rival), rival)), 2],
    [
      'others add, one after the other',
      async () => {
        for (let n = 0; n < 5; n += 1) {
          const rival = manager();
          await add(await open(rival), rival);
        }
      },
      6,
    ],
    [
      'another process changes it a hundred times',
      async (rival: SessionManager) => {
        for (let n = 0; n < 100; n += 1) await add(await open(rival), rival);
      },
      101,
    ],
  ])('is not done twice where %s meanwhile, and who wrote sees what the others did', async (_what, between, views) => {
    const one = manager();
    const core = await open(one);
    (core.session as SessionValues)['own'] = 'pending';
    store.between = () => between(manager());
    expect(await add(core, one)).toBe('ok');
    expect(one.writer.counters.lostReplies).toBe(1);
    expect(await stored(one)).toEqual({ views, own: 'pending' });
    expect(core.values()).toEqual({ views, own: 'pending' });
    expect(core.isChanged()).toBe(false);
    // The next change begins from there.
    await add(core, one);
    expect(await stored(one)).toEqual({ views: views + 1, own: 'pending' });
  });

  it('is not done twice where the session is renewed meanwhile, and written under its new id', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => {
      const rival = manager();
      const renewing = await open(rival);
      renewing.rotation = 'renew';
      expect(await rival.writer.write(renewing)).toBe('ok');
      expect(renewing.id).not.toBe(ID);
      await add(renewing, rival);
    };
    expect(await add(core, one)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 2 });
    expect(core.id).not.toBe(ID);
    await add(core, one);
    expect(await stored(one)).toEqual({ views: 3 });
  });

  it('is not done twice where its own process writes under the new id meanwhile', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => {
      const rival = manager();
      const renewing = await open(rival);
      renewing.rotation = 'renew';
      await rival.writer.write(renewing);
      const here = await open(one);
      await add(here, one);
      await add(here, one);
    };
    expect(await add(core, one)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 3 });
  });

  it('keeps a change of data, though others changed other keys meanwhile', async () => {
    const one = manager();
    const core = await open(one);
    (core.session as SessionValues)['own'] = 1;
    store.between = async () => {
      const rival = manager();
      const other = await open(rival);
      (other.session as SessionValues)['theirs'] = 2;
      await rival.writer.write(other);
    };
    expect(await one.writer.write(core)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 0, own: 1, theirs: 2 });
    expect(core.values()).toEqual({ views: 0, own: 1, theirs: 2 });
  });

  it('does not bring back a later change of the same key by another', async () => {
    const one = manager();
    const core = await open(one);
    (core.session as SessionValues)['colour'] = 'red';
    store.between = async () => {
      const rival = manager();
      const other = await open(rival);
      (other.session as SessionValues)['colour'] = 'blue';
      await rival.writer.write(other);
    };
    await one.writer.write(core);
    expect(await stored(one)).toEqual({ views: 0, colour: 'blue' });
    expect(core.values()['colour']).toBe('blue');
  });

  it('is a login like any other where it made the session somebody’s: the cap is held', async () => {
    const principalOf = (data: object) => (data as { user?: { id?: string } }).user?.id;
    let now = Date.now();
    const one = manager({ clock: { now: () => now }, principalOf, maxSessionsPerPrincipal: 1 });
    const evicted: unknown[] = [];
    one.events.listen(({ type }) => void (type === 'evicted' && evicted.push(type)));
    const cookie = { originalMaxAge: null, httpOnly: true, path: '/' };
    await store.create('an-older-one', { text: JSON.stringify({ cookie }), expiresAt: Date.now() + 3_600_000 });
    const older = (await one.open('an-older-one'))!;
    (older.session as SessionValues)['user'] = { id: 'ann' };
    await one.writer.write(older);
    now += 10;
    const core = await open(one);
    (core.session as SessionValues)['user'] = { id: 'ann' };
    store.between = async () => undefined;
    expect(await one.writer.write(core)).toBe('ok');
    expect(one.writer.counters.lostReplies).toBe(1);
    expect(evicted).toHaveLength(1);
    expect(await store.load('an-older-one')).toBeUndefined();
  });
});

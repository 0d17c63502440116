import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, type Revision, type SessionRecord, TooManySessionsError, type WriteResult } from 'nestjs-keycard';
import { resolveOptions, type ResolvedOptions } from '../../../lib/options/resolve-options.js';
import type { SessionCore } from '../../../lib/session/session-core.js';
import { SessionManager } from '../../../lib/session-manager.js';
import type { SessionValues } from '../../../lib/record/record-text.js';

const ID = 'a-session-that-many-count-in';
const COOKIE = { originalMaxAge: null, httpOnly: true, path: '/' };

/** A store whose client loses a reply now and then, and sends the command again. */
class LosingStore extends MemoryStore {
  /** What others do between the lost reply and the next try. */
  between: (() => Promise<unknown>) | undefined;

  override async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    const { between } = this;
    if (between === undefined || id.startsWith('keycard.')) return super.replace(id, record, revision);
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
const add = (core: SessionCore, one: SessionManager) =>
  one.writer.update(core, (draft) => void (draft['views'] = (draft['views'] as number) + 1));
const open = async (one: SessionManager): Promise<SessionCore> => (await one.open(ID))!;
/** The session under its new id. */
const renewedBy = async (one: SessionManager): Promise<SessionCore> => {
  const core = await open(one);
  core.idChange = 'renew';
  expect(await one.writer.write(core)).toBe('ok');
  expect(core.id).not.toBe(ID);
  return core;
};
const stored = async (one: SessionManager): Promise<SessionValues> => (await open(one)).values();

beforeEach(async () => {
  store = new LosingStore();
  await store.create(ID, { text: JSON.stringify({ cookie: COOKIE, views: 0 }), expiresAt: Date.now() + 3_600_000 });
});

describe('a write whose reply was lost', () => {
  it('is found again by its nonce', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => undefined;
    expect(await add(core, one)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 1 });
    expect(one.counters.lostReplies).toBe(1);
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
    expect(one.counters.lostReplies).toBe(1);
    expect(await stored(one)).toEqual({ views, own: 'pending' });
    expect(core.values()).toEqual({ views, own: 'pending' });
    expect(core.data.isChanged()).toBe(false);
    // The next change begins from there.
    await add(core, one);
    expect(await stored(one)).toEqual({ views: views + 1, own: 'pending' });
  });

  it('is not done twice if the session is renewed meanwhile, and written under its new id', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => {
      const rival = manager();
      await add(await renewedBy(rival), rival);
    };
    expect(await add(core, one)).toBe('ok');
    expect(await stored(one)).toEqual({ views: 2 });
    expect(core.id).not.toBe(ID);
    await add(core, one);
    expect(await stored(one)).toEqual({ views: 3 });
  });

  it('is not done twice if its own process writes under the new id meanwhile', async () => {
    const one = manager();
    const core = await open(one);
    store.between = async () => {
      await renewedBy(manager());
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

  describe('of a session that it made somebody’s', () => {
    const principalOf = (data: object) => (data as { user?: { id?: string } }).user?.id;
    let now: number;
    const options = { principalOf, clock: { now: () => now } };
    const loginAs = (core: SessionCore, id: string) => void ((core.session as SessionValues)['user'] = { id });
    /** A session of a peer's, which knows no principals. */
    const addPeers = (id: string, data: object = {}) =>
      store.create(id, { text: JSON.stringify({ cookie: COOKIE, ...data }), expiresAt: now + 3_600_000 });
    const sessionsOf = async (principal: string) => {
      const ids: string[] = [];
      for await (const { id } of store.list({ principal })) ids.push(id);
      return ids;
    };
    beforeEach(() => {
      now = Date.now();
    });

    it('counts for the cap', async () => {
      const one = manager({ ...options, maxSessionsPerPrincipal: 1 });
      const types: string[] = [];
      one.events.listen(({ type }) => void types.push(type));
      await addPeers('an-older-one');
      const older = (await one.open('an-older-one'))!;
      loginAs(older, 'ann');
      await one.writer.write(older);
      now += 10;
      const core = await open(one);
      loginAs(core, 'ann');
      store.between = async () => undefined;
      expect(await one.writer.write(core)).toBe('ok');
      expect(one.counters.lostReplies).toBe(1);
      expect(types).toContain('evicted');
      expect(await sessionsOf('ann')).toEqual([ID]);
    });

    it('counts for the cap if only its end was to be moved', async () => {
      const one = manager({ ...options, maxSessionsPerPrincipal: 1 });
      for (const id of ['an-older-one', 'a-newer-one']) await addPeers(id, { user: { id: 'ann' } });
      await one.writer.write((await one.open('an-older-one'))!, 'touch');
      now += 10;
      const newer = (await one.open('a-newer-one'))!;
      store.between = async () => undefined;
      expect(await one.writer.write(newer, 'touch')).toBe('ok');
      expect(await sessionsOf('ann')).toHaveLength(1);
    });

    it('is not written if the cap leaves no room for it, and keeps what others wrote since', async () => {
      const one = manager({ ...options, maxSessionsPerPrincipal: 1, onTooMany: 'reject' });
      await addPeers('an-older-one');
      const older = (await one.open('an-older-one'))!;
      loginAs(older, 'ann');
      await one.writer.write(older);
      const core = await open(one);
      loginAs(core, 'ann');
      await add(await open(one), one);
      await expect(one.writer.write(core)).rejects.toThrow(TooManySessionsError);
      expect(await stored(one)).toEqual({ views: 1 });
      expect(await sessionsOf('ann')).toEqual(['an-older-one']);
      await store.destroy('an-older-one');
      expect(await one.writer.write(core)).toBe('ok');
      expect(await stored(one)).toEqual({ views: 1, user: { id: 'ann' } });
    });

    it('leaves it to another who has made it his since', async () => {
      const one = manager(options);
      const core = await open(one);
      loginAs(core, 'ann');
      store.between = async () => {
        const rival = manager(options);
        const other = await open(rival);
        loginAs(other, 'bob');
        expect(await rival.writer.write(other)).toBe('ok');
        now += 10;
        await rival.revocations.markRevoked('ann');
      };
      expect(await one.writer.write(core)).toBe('ok');
      expect(await stored(one)).toEqual({ views: 0, user: { id: 'bob' } });
    });
  });

  it('leaves a cookie as another has set it since', async () => {
    const one = manager();
    const core = await open(one);
    core.cookie.maxAge = 1_000_000;
    core.cookie.domain = 'example.com';
    store.between = async () => {
      const rival = manager();
      const other = await open(rival);
      other.cookie.maxAge = 2_000_000;
      await rival.writer.write(other);
    };
    expect(await one.writer.write(core)).toBe('ok');
    expect(core.cookieChanged).toBe(false);
    expect(core.cookie.originalMaxAge).toBe(2_000_000);
    await one.writer.write(core, 'change');
    expect((await open(one)).metadata.cookieOverrides).toEqual({ maxAge: 2_000_000, domain: 'example.com' });
  });

  it('is not done twice in a process that writes faster than its clock ticks', async () => {
    let now = Date.now();
    const one = manager({ clock: { now: () => now } });
    const core = await open(one);
    for (let ms = 0; ms < 61_000; ms += 1) {
      now += 1;
      for (let n = 0; n < 2; n += 1) one.nonces.stamp({ ...core.metadata });
    }
    store.between = async () => {
      const rival = manager({ clock: { now: () => now } });
      await add(await open(rival), rival);
    };
    await add(core, one);
    expect(await stored(one)).toEqual({ views: 2 });
  });
});

describe('a conflict', () => {
  it('leaves a cookie that was only looked at as another has set it', async () => {
    const one = manager();
    const core = await open(one);
    void core.cookie;
    (core.session as SessionValues)['own'] = 1;
    const rival = manager();
    const other = await open(rival);
    other.cookie.maxAge = 2_000_000;
    await rival.writer.write(other);
    expect(await one.writer.write(core)).toBe('ok');
    expect((await open(one)).metadata.cookieOverrides).toEqual({ maxAge: 2_000_000 });
  });

  it('keeps what each of two set of the cookie', async () => {
    const one = manager();
    const core = await open(one);
    core.cookie.maxAge = 1_000_000;
    const rival = manager();
    const other = await open(rival);
    other.cookie.sameSite = 'strict';
    await rival.writer.write(other);
    expect(await one.writer.write(core)).toBe('ok');
    expect((await open(one)).metadata.cookieOverrides).toEqual({ maxAge: 1_000_000, sameSite: 'strict' });
  });

  it('of two updates of one session object at once, after the session was renewed elsewhere, loses neither', async () => {
    const one = manager();
    const core = await open(one);
    await renewedBy(manager());
    let second: Promise<unknown> | undefined;
    const { replace } = store;
    let calls = 0;
    store.replace = async (...parameters) => {
      calls += 1;
      if (calls === 2) {
        second = one.writer.update(core, async (draft) => {
          await new Promise((resolve) => setImmediate(resolve));
          draft['views'] = (draft['views'] as number) + 1;
        });
      }
      return replace.apply(store, parameters);
    };
    await add(core, one);
    await second;
    expect(await stored(one)).toEqual({ views: 2 });
  });
});

import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  MemoryStore,
  type Revision,
  type SessionModuleOptions,
  SessionRegistry,
  type SessionRecord,
} from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, type Script, scripted } from '../../support/scripted.js';

/** As a store behind a network: what is called at once overlaps. */
class SlowStore extends MemoryStore {
  override async load(id: string) {
    await wait(2);
    return super.load(id);
  }
  override async create(id: string, record: SessionRecord) {
    await wait(8);
    return super.create(id, record);
  }
  override async replace(id: string, record: SessionRecord, revision: Revision) {
    await wait(8);
    return super.replace(id, record, revision);
  }
}

const user = { id: 'ann' };
const count = (draft: { n?: number }) => void (draft.n = (draft.n ?? 0) + 1);
const ignored = () => undefined;

const SCRIPTS: Record<string, Script> = {
  seed: (session) => void (session.cart = 1),
  in: (session) => session.login('ann', { user }),
  look: (session) => ({ p: session.info.principal ?? null, data: { ...session } }),

  saveThenLogin: async (session) => {
    session.n = 1;
    const saving = session.save();
    await session.login('ann', { user });
    await saving;
  },
  updateThenLogin: async (session) => {
    const updating = session.update(count);
    await session.login('ann', { user });
    await updating;
  },
  loginUnawaitedThenSave: async (session) => {
    const login = session.login('ann', { user });
    session.n = 1;
    await session.save();
    await login;
  },
  nothingAwaited: (session) => {
    session.n = 1;
    void session.save();
    void session.login('ann', { user });
  },
  loginSaveThenReload: async (session) => {
    await session.login('ann', { user });
    const saving = session.save();
    await session.reload();
    await saving;
  },
  saveThenConfirm: async (session) => {
    session.n = 1;
    const saving = session.save();
    await session.confirmLogin();
    await saving;
  },
  saveThenRenew: async (session) => {
    session.n = 1;
    const saving = session.save();
    await session.renew();
    await saving;
  },
  saveThenCookie: async (session) => {
    session.n = 1;
    const saving = session.save();
    session.cookie.maxAge = 1e9;
    await saving;
  },

  updateThenSet: async (session) => {
    const updating = session.update(count);
    session.x = 5;
    delete session.cart;
    await updating;
  },
  saveTwice: async (session) => {
    session.n = 1;
    await Promise.all([session.save(), session.save()]);
  },
  updateTwice: (session) => Promise.all([session.update(count), session.update(count)]).then(ignored),
  loginSaveTwice: async (session) => {
    await session.login('ann', { user });
    await Promise.all([session.save(), session.save()]);
  },
  regenerateLoginSaveUpdate: async (session) => {
    const next = (await session.regenerate()) as AnySession;
    await next.login('ann', { user });
    await Promise.all([next.save(), next.update(count)]);
  },

  saveThenDestroy: async (session) => {
    session.n = 1;
    const saving = session.save();
    await session.destroy();
    await saving.catch(ignored);
  },
  loginSaveThenLogout: async (session) => {
    await session.login('ann', { user });
    const saving = session.save();
    await session.logout();
    await saving.catch(ignored);
  },
  regenerateLoginSaveThenLogout: async (session) => {
    const next = (await session.regenerate()) as AnySession;
    await next.login('ann', { user });
    const saving = next.save();
    await next.logout();
    await saving.catch(ignored);
  },
  answerThenDestroy: async (session, _req, res) => {
    session.n = 1;
    res.json({});
    await session.destroy();
  },
  regenerateThenNull: async (session, req) => {
    await session.regenerate();
    (req as { session: unknown }).session = null;
  },
  justNull: (_session, req) => void ((req as { session: unknown }).session = null),

  loginWithinUpdate: async (session) => {
    await session.update(async () => session.login('ann', { user }));
  },
  failedUpdate: async (session) => {
    await session.update((draft) => void (draft.big = 'x'.repeat(2_000))).catch(ignored);
  },
  loginThenReload: async (session) => {
    await session.login('ann', { user });
    await session.reload();
  },
  cookieThenReload: async (session) => {
    session.cookie.maxAge = 1e9;
    await session.reload();
  },
};

describe('verbs of one session that overlap', () => {
  let server: TestApp;
  let store: SlowStore;
  let jar: Jar;
  const start = async (options: Partial<SessionModuleOptions> = {}) => {
    server = await startApp([scripted(SCRIPTS)], { store, logger: { warn: ignored, error: ignored }, ...options });
  };
  const go = (script: string, on = jar, way = 's') => on.fetch(`${server.url}/${way}/${script}`);
  const seenBy = async (header: string) => {
    const answer = await fetch(`${server.url}/s/look`, { headers: { cookie: header } });
    return (await answer.json()) as { p: string | null; data: Record<string, unknown> };
  };
  const live = async () => (await server.app.get(SessionRegistry).list()).sessions.length;
  beforeEach(async () => {
    store = new SlowStore();
    jar = new Jar();
    await start();
  });
  afterEach(() => server.close());

  it('loginSaveThenReload: reads the session once it is saved, and keeps the login (#11)', async () => {
    await go('seed');
    expect((await go('loginSaveThenReload')).status).toBe(200);
    expect(await seenBy(jar.header)).toMatchObject({ p: 'ann', data: { user, cart: 1 } });
    expect(await live()).toBe(1);
  });

  it.each(['saveThenLogin', 'updateThenLogin', 'loginUnawaitedThenSave', 'nothingAwaited'])(
    '%s: logged in under a new id, and the cookie of before is invalid',
    async (script) => {
      await go('seed');
      const before = jar.header;
      expect((await go(script)).status).toBe(200);
      expect(await seenBy(before)).toMatchObject({ p: null, data: {} });
      expect(await seenBy(jar.header)).toMatchObject({ p: 'ann', data: { user, cart: 1, n: 1 } });
      expect(await live()).toBe(1);
    },
  );

  it.each(['saveThenConfirm', 'saveThenRenew'])('%s: a new id all the same', async (script) => {
    await go('in');
    const before = jar.header;
    await go(script);
    expect(jar.header).not.toBe(before);
    expect(await seenBy(jar.header)).toMatchObject({ p: 'ann', data: { n: 1 } });
  });

  it('keeps what is set of the cookie while a save is under way', async () => {
    await go('seed');
    await go('saveThenCookie');
    expect(jar.last.join()).toMatch(/Expires/);
  });

  it.each([true, false])(
    'update() leaves what the app does to other keys meanwhile (known visitor: %s)',
    async (known) => {
      if (known) await go('seed');
      await go('updateThenSet');
      expect((await seenBy(jar.header)).data).toEqual({ n: 1, x: 5 });
    },
  );

  it.each([
    ['saveTwice', { n: 1 }],
    ['updateTwice', { n: 2 }],
    ['loginSaveTwice', { user }],
  ])('%s by a new visitor: one session, and nothing is lost', async (script, data) => {
    await go(script);
    expect((await seenBy(jar.header)).data).toEqual(data);
    expect(await live()).toBe(1);
  });

  it('regenerateLoginSaveUpdate: the login stays', async () => {
    await go('seed');
    await go('regenerateLoginSaveUpdate');
    expect(await seenBy(jar.header)).toEqual({ p: 'ann', data: { user, n: 1 } });
    expect(await live()).toBe(1);
  });

  it.each(['saveThenDestroy', 'loginSaveThenLogout', 'regenerateLoginSaveThenLogout', 'answerThenDestroy'])(
    '%s: nothing is left',
    async (script) => {
      await go(script);
      // The answer may be out before the session is ended.
      for (let n = 0; n < 100 && (await live()) > 0; n += 1) await wait(10);
      expect(await live()).toBe(0);
      if (jar.header !== '') expect(await seenBy(jar.header)).toEqual({ p: null, data: {} });
    },
  );

  it.each(['destroy', 'keep'] as const)(
    'regenerate(), then req.session = null with unset %s: the cookie of before is invalid',
    async (unset) => {
      await server.close();
      await start({ unset });
      await go('in');
      const before = jar.header;
      await go('regenerateThenNull');
      expect(await seenBy(before)).toEqual({ p: null, data: {} });
      expect(await live()).toBe(0);
    },
  );

  it('req.session = null ends a session that nothing accessed, with load lazy', async () => {
    await go('in');
    const before = jar.header;
    await server.close();
    await start({ unset: 'destroy', load: 'lazy' });
    await go('justNull', jar, 'r');
    expect(jar.header).toBe('');
    expect(await seenBy(before)).toEqual({ p: null, data: {} });
  });

  it('says clearly that a login has no place within update(), and waits for nothing', async () => {
    await go('seed');
    const answer = await go('loginWithinUpdate');
    expect(answer.status).toBe(500);
    expect(await seenBy(jar.header)).toEqual({ p: null, data: { cart: 1 } });
  });

  it.each([true, false])('an update() that fails leaves the session as it was (known visitor: %s)', async (known) => {
    await server.close();
    await start({ maxRecordBytes: 1_000 });
    if (known) await go('seed');
    expect((await go('failedUpdate')).status).toBe(200);
    expect((await seenBy(jar.header)).data).toEqual(known ? { cart: 1 } : {});
  });

  it('reload() drops a login, and what was set of the cookie, that were not saved', async () => {
    await go('seed');
    const before = jar.header;
    await go('loginThenReload');
    expect(await seenBy(before)).toEqual({ p: null, data: { cart: 1 } });
    await go('cookieThenReload');
    expect(jar.last.join()).not.toMatch(/Expires/);
  });
});

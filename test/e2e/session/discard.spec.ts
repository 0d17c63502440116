import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import express from 'express';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MemoryStore, SessionRegistry, type SessionModuleOptions } from 'nestjs-keycard';
import session, { keycard } from 'nestjs-keycard/express';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { idIn } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { type AnySession, scripted } from '../../support/scripted.js';

let later: (() => unknown) | undefined;

const scripts = scripted({
  set: (session, req) => void Object.assign(session, req.query),
  look: (session) => ({ ...session, who: session.info.principal ?? null, isNew: session.info.isNew }),
  login: (session, req) => session.login(String(req.query.id), { user: { id: req.query.id } }),
  throws: (session) => {
    session.a = 'changed';
    throw new HttpException('no', 400);
  },
  throwsAndDiscards: async (session) => {
    session.a = 'changed';
    session.b = 'new';
    delete session.c;
    session.cookie.maxAge = 1_000;
    await session.discard();
    throw new HttpException('no', 400);
  },
  discardNew: async (session) => {
    session.a = 'changed';
    await session.discard();
    return { ...session };
  },
  discardLogin: async (session) => {
    session.a = 'changed';
    await session.login('9', { user: { id: '9' } });
    await session.discard();
    return { ...session, who: session.info.principal ?? null };
  },
  discardRegenerate: async (session) => {
    const next = (await session.regenerate()) as AnySession;
    next.a = 'other';
    await next.discard();
    return { ...next };
  },
  discardAndGoOn: async (session) => {
    session.a = 'changed';
    await session.discard();
    session.flash = 'That failed.';
  },
  discardSaved: async (session) => {
    session.a = 'saved';
    await session.save();
    session.b = 'not';
    await session.discard();
  },
  discardUnset: async (session, req) => {
    req.session = null as never;
    await session.discard();
  },
  discardEnded: async (session) => {
    await session.logout();
    await session.discard();
  },
  discardWithin: (session) => session.update(() => session.discard()),
  logoutAndWrite: async (session) => {
    session.user = { id: 'x' };
    await session.logout();
    session.goodbye = true;
  },
  logout: (session) => session.logout(),
  regenerateAndWrite: async (session) => {
    await session.regenerate();
    session.lost = true;
  },
  late: (session, _req, res) => {
    res.send('ok');
    later = () => void (session.late = true);
  },
  lateInside: (session, _req, res) => {
    session.cart ??= [];
    res.send('ok');
    later = () => session.cart.push('book');
  },
  lateJunk: (session, _req, res) => {
    res.send('ok');
    later = () => void (session.late = 1n);
  },
  lateSaved: (session, _req, res) => {
    res.send('ok');
    later = () => {
      session.late = true;
      return session.save();
    };
  },
});

let server: TestApp;
let store: ObservedStore;
let jar: Jar;
let warnings: string[];
const start = async (options: Partial<SessionModuleOptions> = {}) => {
  warnings = [];
  store = new ObservedStore(new MemoryStore());
  const logger = {
    warn: (text: string) => void warnings.push(text),
    error: (text: string) => void warnings.push(text),
  };
  server = await startApp([scripts], { store, logger, ...options });
  jar = new Jar();
};
const get = (name: string) => jar.fetch(`${server.url}/s/${name}`);
const look = async () => (await (await get('look')).json()) as Record<string, unknown>;
beforeEach(() => start());
afterEach(() => server.close());

describe('session.discard()', () => {
  it('changes before a throw are saved, unless they are discarded (#13.20)', async () => {
    await get('set?a=1&c=3');
    expect((await get('throws')).status).toBe(400);
    expect(await look()).toMatchObject({ a: 'changed', c: '3' });
    await get('set?a=1');
    store.forget();
    expect([(await get('throwsAndDiscards')).status, jar.last, store.names]).toEqual([400, [], ['load']]);
    expect(await look()).toEqual({ a: '1', c: '3', who: null, isNew: false });
  });

  it('a new visitor gets no session and no cookie (#13.20)', async () => {
    store.forget();
    expect([await (await get('discardNew')).json(), jar.last, store.names]).toEqual([{}, [], []]);
  });

  it.each(['set?a=1', 'login?id=7'])('a login is undone, after %s (#13.20)', async (before) => {
    await get(before);
    const id = idIn(jar);
    const was = await look();
    const answer = (await (await get('discardLogin')).json()) as { who: string | null };
    expect([answer.who, jar.last, idIn(jar)]).toEqual([was.who, [], id]);
    expect(await look()).toEqual(was);
  });

  it('a regenerate() is undone (#13.20)', async () => {
    await get('set?a=1');
    expect([await (await get('discardRegenerate')).json(), jar.last]).toEqual([{ a: '1' }, []]);
    expect(await look()).toMatchObject({ a: '1', isNew: false });
  });

  it('what is changed later is saved, and what was saved stays (#13.20)', async () => {
    await get('set?a=1');
    await get('discardAndGoOn');
    expect(await look()).toMatchObject({ a: '1', flash: 'That failed.' });
    await get('discardSaved');
    expect(await look()).toEqual({ a: 'saved', flash: 'That failed.', who: null, isNew: false });
  });

  it('takes back req.session = null, does nothing to a session that has ended, and is refused within update() (#13.20)', async () => {
    await server.close();
    await start({ unset: 'destroy' });
    await get('set?a=1');
    await get('discardUnset');
    expect(await look()).toMatchObject({ a: '1' });
    expect((await get('discardWithin')).status).toBe(500);
    expect((await get('discardEnded')).status).toBe(200);
    expect(await look()).toEqual({ who: null, isNew: true });
  });

  it('works with a schema version, and on a session that a job has opened (#13.20)', async () => {
    await server.close();
    await start({ schemaVersion: 2, migrate: (data) => ({ ...data, migrated: true }) });
    await get('set?a=1');
    const session = (await server.app.get(SessionRegistry).open(idIn(jar)))! as unknown as AnySession;
    session.a = '2';
    await session.discard();
    expect({ ...session }).toEqual({ a: '1' });
  });

  it('works on /express by keycard(), where its name is not reserved (#13.20)', async () => {
    const app = express();
    app.use(session({ secret: 'x'.repeat(32), resave: false, saveUninitialized: false }));
    app.get('/set', (req, res) => {
      Object.assign(req.session, { a: 1, discard: 'mine' });
      res.json({});
    });
    app.get('/discard', async (req, res) => {
      Object.assign(req.session, { a: 2, discard: 'changed' });
      await keycard(req.session).discard();
      res.json({});
    });
    app.get('/look', (req, res) => void res.json(req.session));
    const http = app.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    for (const path of ['/set', '/discard']) await jar.fetch(url + path);
    expect(await (await jar.fetch(`${url}/look`)).json()).toMatchObject({ a: 1, discard: 'mine' });
    http.close();
  });
});

describe('what is written and lost is said, once per kind', () => {
  const AFTER_END =
    /^A session was changed after logout\(\) or destroy\(\) had ended it.*call regenerate\(\) instead\.$/;
  const AFTER_REGENERATE = /^A session was changed after regenerate\(\)/;
  const LATE = /^A session was changed after its response had ended, so the change is not saved/;

  it('after logout() (#13.20)', async () => {
    for (let n = 0; n < 2; n += 1) {
      await get('set?a=1');
      await get('logoutAndWrite');
    }
    expect(warnings).toEqual([expect.stringMatching(AFTER_END)]);
  });

  it('after regenerate() (#13.20)', async () => {
    for (let n = 0; n < 2; n += 1) await get('regenerateAndWrite');
    expect(warnings).toEqual([expect.stringMatching(AFTER_REGENERATE)]);
  });

  it('nothing is logged if nothing is lost (#13.20)', async () => {
    await get('login?id=7');
    await get('logout');
    await get('set?a=1');
    await get('lateSaved');
    await later!();
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect([warnings, await look()]).toEqual([[], { a: '1', late: true, who: null, isNew: false }]);
  });

  it.each(['late', 'lateInside', 'lateJunk'])('after the response (#13.20): %s', async (name) => {
    await get('set?a=1');
    for (let n = 0; n < 2; n += 1) {
      await get(name);
      await later!();
    }
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(warnings).toEqual([expect.stringMatching(LATE)]);
  });
});

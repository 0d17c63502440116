import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { attributes, both, type Handler, idIn, type LiveSession, serve } from '../../support/express-app.js';

const counting: Handler = (req, res) => {
  req.session.count = ((req.session.count as number | undefined) ?? 0) + 1;
  res.end(String(req.session.count));
};

describe.each(both)('what users of express-session rely on, on %s', (name, session) => {
  it('destroy removes the record', async () => {
    const store = new session.MemoryStore();
    const app = await serve(session, { store }, (req, res, next) =>
      req.path === '/destroy'
        ? void req.session.destroy(() => res.end(String(Object.keys(store.sessions).length)))
        : counting(req, res, next),
    );
    await app.get();
    expect(Object.keys(store.sessions)).toHaveLength(1);
    expect(await app.text('/destroy')).toBe('0');
    expect(Object.keys(store.sessions)).toEqual([]);
  });

  it('regenerate removes the old record', async () => {
    const store = new session.MemoryStore();
    let kept: string[] = [];
    const app = await serve(session, { store }, (req, res, next) => {
      if (req.path !== '/regenerate') return counting(req, res, next);
      req.session.regenerate(() => {
        kept = Object.keys(store.sessions);
        res.end();
      });
    });
    await app.get();
    const old = idIn(app.jar.last[0])!;
    await app.get('/regenerate');
    expect(kept).toEqual([]);
    expect(old in store.sessions).toBe(false);
    expect(Object.keys(store.sessions)).toEqual([idIn(app.jar.last[0])]);
  });

  it('the whole signature is compared', async () => {
    const app = await serve(session, {}, (req, res, next) =>
      req.path === '/read' ? void res.end(String(req.session.count)) : counting(req, res, next),
    );
    await app.get();
    const card = decodeURIComponent(app.jar.cookies.get('connect.sid')!);
    const read = (value: string) =>
      app.text('/read', { headers: { cookie: `connect.sid=${encodeURIComponent(value)}` } });
    expect(await read(card)).toBe('1');
    for (let at = card.lastIndexOf('.') + 1; at < card.length; at += 1) {
      expect(await read(card.slice(0, at) + (card[at] === 'A' ? 'B' : 'A') + card.slice(at + 1))).toBe('undefined');
    }
    for (const forged of [
      card.slice(0, -1),
      `${card}=`,
      `${card}A`,
      card.slice(2),
      card.slice(0, card.lastIndexOf('.')),
      card.slice(0, card.lastIndexOf('.') + 1),
    ]) {
      expect(await read(forged)).toBe('undefined');
    }
  });

  it('ids are not predictable', async () => {
    const { random } = Math;
    Math.random = () => 0.5;
    try {
      const app = await serve(session, { saveUninitialized: true }, (req, res) => void res.end(req.sessionID));
      const ids = await Promise.all(Array.from({ length: 200 }, () => fetch(app.url).then((each) => each.text())));
      expect(new Set(ids).size).toBe(200);
      for (const id of ids) expect(id).toMatch(/^[\w-]{32}$/);
      // 192 bits: at each place most of the alphabet turns up, and no two ids begin alike.
      for (let at = 0; at < 32; at += 1) expect(new Set(ids.map((id) => id[at])).size).toBeGreaterThan(40);
      expect(new Set(ids.map((id) => id.slice(0, 8))).size).toBe(200);
    } finally {
      Math.random = random;
    }
  });

  it('Domain and explicit sameSite are sent', async () => {
    const app = await serve(session, { cookie: { domain: 'example.com', sameSite: 'lax' } }, counting);
    await app.get();
    expect(attributes(app.jar.last[0])).toEqual({ Domain: 'example.com', Path: '/', HttpOnly: true, SameSite: 'Lax' });
  });

  it('stored expires strings come back as Dates', async () => {
    const app = await serve(session, { cookie: { maxAge: 60_000 } }, (req, res, next) =>
      req.path === '/expires'
        ? void res.end(String(req.session.cookie.expires instanceof Date))
        : counting(req, res, next),
    );
    await app.get();
    expect(await app.text('/expires')).toBe('true');
  });

  it('genid gets the real request', async () => {
    let given: IncomingMessage | undefined;
    const genid = (req: IncomingMessage) => {
      given = req;
      return `${req.headers['x-tenant'] as string}-1`;
    };
    let handled: unknown;
    const app = await serve(session, { genid }, (req, res, next) => {
      handled = req;
      counting(req, res, next);
    });
    await app.get('/', { headers: { 'x-tenant': 'acme' } });
    expect(idIn(app.jar.last[0])).toBe('acme-1');
    expect(given).toBe(handled);
  });

  it('name beats key', async () => {
    const app = await serve(session, { name: 'name', key: 'key' }, counting);
    await app.get();
    expect([...app.jar.cookies.keys()]).toEqual(['name']);
  });

  it.each<[string, Handler]>([
    ['setHeader', (_req, res) => void res.setHeader('Set-Cookie', ['a=1', 'b=2'])],
    ['one header', (_req, res) => void res.setHeader('Set-Cookie', 'a=1')],
    ['writeHead', (_req, res) => void res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] })],
    ['appendHeader', (_req, res) => void res.appendHeader('Set-Cookie', 'a=1')],
  ])("our Set-Cookie comes after the app's own (%s)", async (_form, write) => {
    const app = await serve(session, {}, (req, res, next) => {
      req.session.count = 1;
      write(req, res, next);
      res.end();
    });
    await app.get();
    expect(app.jar.last.length).toBeGreaterThan(1);
    expect(app.jar.last.map((each) => each.split('=')[0])).toEqual([
      ...['a', 'b'].slice(0, app.jar.last.length - 1),
      'connect.sid',
    ]);
  });

  // express-session lets most of the response go before the store has answered.
  if (name === 'express-session') return;

  it('the reply waits for the save', async () => {
    const store = new session.MemoryStore();
    const { set } = store;
    let saved = false;
    store.set = function (sid, value, callback) {
      setTimeout(() => {
        saved = true;
        set.call(this, sid, value, callback);
      }, 60);
    };
    const app = await serve(session, { store }, (req, res) => {
      const live: LiveSession = req.session;
      live.user = 'Ann';
      res.writeHead(302, { location: '/next', 'content-length': 5 });
      res.end('moved');
    });
    const answer = await app.get();
    // The headers are here: so must the record be.
    expect(saved).toBe(true);
    expect(Object.keys(store.sessions)).toHaveLength(1);
    expect(answer.status).toBe(302);
    expect(await answer.text()).toBe('moved');
  });
});

// One visitor's journey through a Nest app, on whatever runtime runs this: `bun scripts/runtimes/journey.mjs`. Needs `npm run build`.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { Controller, Get, Module, Req, Res } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { FileStore, MemoryStore, SessionModule } = require('nestjs-keycard');

const quiet = { warn: () => undefined, error: () => undefined };

class JourneyController {
  async login(req) {
    await req.session.login('7', { user: { name: 'Ann' } });
    return { loggedIn: true };
  }
  change(req) {
    req.session.views = (req.session.views ?? 0) + 1;
    return { views: req.session.views };
  }
  look(req) {
    return { user: req.session.user?.name ?? null, views: req.session.views ?? 0, late: req.session.late ?? null };
  }
  stream(req, res) {
    req.session.views += 1;
    res.write('first ');
    setImmediate(() => {
      req.session.late = 'saved';
      res.end('last');
    });
  }
  redirect(req, res) {
    req.session.views += 1;
    res.redirect('/look');
  }
  async logout(req) {
    await req.session.destroy();
    return { loggedIn: false };
  }
}
for (const name of ['login', 'change', 'look', 'stream', 'redirect', 'logout']) {
  const { prototype } = JourneyController;
  Get(name)(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  Req()(prototype, name, 0);
  if (prototype[name].length > 1) Res()(prototype, name, 1);
}
Controller()(JourneyController);

async function journey(title, store) {
  class AppModule {}
  const session = SessionModule.forRoot({ secret: 'a secret of this journey alone 0123', store, logger: quiet });
  Module({ imports: [session], controllers: [JourneyController] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${app.getHttpServer().address().port}`;
  let cookie;
  const visit = async (path) => {
    const answer = await fetch(`${url}/${path}`, { redirect: 'manual', headers: cookie ? { cookie } : {} });
    const text = await answer.text();
    for (const each of answer.headers.getSetCookie()) {
      const [pair] = each.split(';');
      cookie = pair.endsWith('=') ? undefined : pair;
    }
    return [answer.status, text.startsWith('{') ? JSON.parse(text) : text];
  };
  assert.deepEqual(await visit('login'), [200, { loggedIn: true }]);
  assert.ok(cookie, 'login sent no cookie');
  assert.deepEqual(await visit('change'), [200, { views: 1 }]);
  assert.deepEqual(await visit('change'), [200, { views: 2 }]);
  assert.deepEqual(await visit('stream'), [200, 'first last']);
  assert.deepEqual(await visit('look'), [200, { user: 'Ann', views: 3, late: 'saved' }]);
  assert.equal((await visit('redirect'))[0], 302);
  assert.equal((await visit('look'))[1].views, 4);
  const replace = store.replace;
  store.replace = () => Promise.reject(new Error('down'));
  assert.equal((await visit('change'))[0], 503);
  assert.equal((await visit('stream'))[0], 503);
  store.replace = replace;
  assert.equal((await visit('look'))[1].views, 4);
  assert.deepEqual(await visit('logout'), [200, { loggedIn: false }]);
  assert.equal(cookie, undefined, 'logout left the cookie');
  assert.equal((await visit('look'))[1].user, null);
  await app.close();
  console.log(`${title}: 14 steps passed`);
}

const path = await mkdtemp(join(tmpdir(), 'keycard-journey-'));
try {
  await journey('memory store', new MemoryStore());
  await journey('file store', new FileStore({ path }));
} finally {
  await rm(path, { recursive: true, force: true });
}
process.exit(0);

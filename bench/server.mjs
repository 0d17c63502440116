/** One server of the bench: Nest on Express, in production mode, with the sessions that `start` is told. */
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { Session as Inspector } from 'node:inspector/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Controller, Get, Module, Req, Session as NestSession } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { answer } from './child.mjs';
import { emit, seed } from './emit.mjs';
import { expressStore, keycardStore, rawReader } from './stores.mjs';

const SECRET = 'a secret for the bench, of at least thirty-two bytes';
const DAY_MS = 86_400_000;
const cookie = { path: '/', httpOnly: true, sameSite: 'lax', secure: false, maxAge: DAY_MS };
const GUEST = 'u--';

/** Data whose JSON is that long. */
function dataOf(user, bytes) {
  const data = {
    user: { id: user, name: 'Ada Lovelace', roles: ['editor', 'reviewer'] },
    n: 0,
    cart: ['a-1', 'b-2'],
    note: '',
  };
  data.note = 'x'.repeat(Math.max(0, bytes - JSON.stringify(data).length));
  return data;
}

const userOf = (session) => session?.user?.id ?? GUEST;

/** The same routes, parameters and answers everywhere; without sessions the answers are made of what the request brings. */
function controllerFor({ engine, SessionParameter, read }) {
  const hasSession = engine !== 'bare' && engine !== 'raw';
  class BenchController {
    seed(req, session) {
      if (hasSession) Object.assign(session, dataOf(req.query.user, Number(req.query.bytes)));
      return { user: hasSession ? userOf(session) : req.query.user };
    }
    async read(req) {
      if (read !== undefined) await read();
      return { user: userOf(req.session) };
    }
    decorated(session) {
      return { user: userOf(session) };
    }
    change(req) {
      if (hasSession) req.session.n += 1;
      return { user: userOf(req.session) };
    }
    async login(req) {
      const user = 'u01';
      if (engine === 'keycard') await req.session.login(user, dataOf(user, 400));
      if (engine === 'express-session') {
        await new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error) : resolve())));
        Object.assign(req.session, dataOf(user, 400));
      }
      return { user: userOf(req.session) };
    }
    untouched() {
      return { user: GUEST };
    }
    async count(session) {
      return { n: session?.n ?? -1 };
    }
  }
  for (const path of ['seed', 'read', 'decorated', 'change', 'login', 'untouched', 'count']) {
    Get(path)(BenchController.prototype, path, Object.getOwnPropertyDescriptor(BenchController.prototype, path));
  }
  for (const path of ['seed', 'read', 'change', 'login']) Req()(BenchController.prototype, path, 0);
  for (const path of ['decorated', 'count']) SessionParameter()(BenchController.prototype, path, 0);
  SessionParameter()(BenchController.prototype, 'seed', 1);
  Controller()(BenchController);
  return BenchController;
}

let server;

async function start(spec) {
  const { engine, library } = spec;
  const imports = [];
  let SessionParameter = NestSession;
  let mount = () => undefined;
  let read;
  if (engine === 'keycard') {
    const keycard = await import(join(library, 'index.js'));
    SessionParameter = keycard.Session;
    imports.push(
      keycard.SessionModule.forRoot({
        secret: SECRET,
        name: 'sid',
        cookie,
        rolling: true,
        resave: false,
        saveUninitialized: false,
        store: await keycardStore(spec, library),
        // A server that shares two cores with its load and its database may be late; that is not what is measured.
        storeTimeout: '30s',
        logger: { warn: () => undefined, error: (message, cause) => console.error(message, cause) },
        ...spec.options,
      }),
    );
  } else if (engine === 'express-session') {
    const session = createRequire(import.meta.url)('express-session');
    const store = await expressStore(spec, session);
    const options = { secret: SECRET, name: 'sid', cookie, rolling: true, resave: false, saveUninitialized: false };
    mount = (app) => app.use(session({ ...options, store, ...spec.options }));
  } else if (engine === 'raw') {
    const texts = Array.from({ length: 32 }, () => JSON.stringify({ cookie, ...dataOf('u01', 400) }));
    read = await rawReader(spec, texts);
  }
  let adapter = [];
  if (spec.platform === 'fastify') {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    adapter = [new FastifyAdapter()];
    if (engine === '@fastify/session') {
      const [cookies, session] = await Promise.all(['@fastify/cookie', '@fastify/session'].map((name) => import(name)));
      mount = async (app) => {
        await app.register(cookies.default);
        await app.register(session.default, {
          secret: SECRET,
          cookieName: 'sid',
          cookie,
          rolling: true,
          saveUninitialized: false,
          // Its own in memory; connect-redis and the like take the place of it.
          ...(spec.store === 'memory'
            ? {}
            : { store: await expressStore(spec, createRequire(import.meta.url)('express-session')) }),
        });
      };
    }
  }
  class AppModule {}
  Module({ imports, controllers: [controllerFor({ engine, SessionParameter, read })] })(AppModule);
  const app = await NestFactory.create(AppModule, ...adapter, { logger: ['error'] });
  await mount(app);
  await app.listen(0, '127.0.0.1');
  server = app.getHttpServer();
  server.keepAliveTimeout = 0;
  return { port: server.address().port };
}

/** Where the process stands: its CPU time in µs, and how much of its time the event loop was at work. */
function mark() {
  const { user, system } = process.cpuUsage();
  const { idle, active } = performance.eventLoopUtilization();
  return { cpu: user + system, idle, active };
}

let inspector;

async function profile() {
  inspector = new Inspector();
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.setSamplingInterval', { interval: 200 });
  await inspector.post('Profiler.start');
}

async function writeProfile(path) {
  const { profile: found } = await inspector.post('Profiler.stop');
  inspector.disconnect();
  writeFileSync(path, JSON.stringify(found));
}

answer({
  start,
  mark,
  profile,
  writeProfile,
  seed: (path) => seed(server, path),
  emit: (asked) => emit(server, asked),
});

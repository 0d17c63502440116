/**
 * node bench/current-session.mjs [--rounds=5]
 *
 * What `CurrentSession` costs a request: CPU time of a Nest app on Express that answers a logged-in visitor, with a service that has it
 * injected and without. After `npm run build`. Run it with each Node that is to be measured.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REQUESTS = 20_000;

if (process.argv[2] === 'app') await app(process.argv[3] === 'with');
else await compare(Number(/--rounds=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 5));

async function app(isInjected) {
  await import('reflect-metadata');
  const { Controller, Get, Module, Inject } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { CurrentSession, Session, SessionModule } = await import('../dist/esm/index.js');
  class Home {
    async login(session) {
      await session.login('7', { user: 'Ann' });
    }
    async home(session) {
      for (let i = 0; i < 10; i += 1) await undefined;
      return session.user;
    }
  }
  const method = (name, path) => {
    Get(path)(Home.prototype, name, Object.getOwnPropertyDescriptor(Home.prototype, name));
    Session()(Home.prototype, name, 0);
  };
  method('login', 'login');
  method('home', '');
  Controller()(Home);
  class Service {}
  if (isInjected) Inject(CurrentSession)(Service.prototype, 'current');
  class AppModule {}
  const secret = 'a secret of at least thirty-two bytes';
  Module({ imports: [SessionModule.forRoot({ secret })], controllers: [Home], providers: [Service] })(AppModule);
  const nest = await NestFactory.create(AppModule, { logger: false });
  await nest.listen(0, '127.0.0.1');
  process.on('message', () => process.send(process.cpuUsage()));
  process.send(await nest.getUrl());
}

async function compare(rounds) {
  const results = { with: [], without: [] };
  for (let round = 0; round < rounds; round += 1)
    for (const way of ['without', 'with']) results[way].push(await measure(way));
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  const [before, after] = [median(results.without), median(results.with)];
  console.log(
    `${process.version}: ${before.toFixed(1)} µs of CPU per request, with CurrentSession ${after.toFixed(1)} µs`,
  );
  for (const way of ['without', 'with'])
    console.log(`  ${way}: ${results[way].map((each) => each.toFixed(1)).join(' ')}`);
}

async function measure(way) {
  const child = fork(fileURLToPath(import.meta.url), ['app', way]);
  const next = () => new Promise((resolve) => child.once('message', resolve));
  const url = await next();
  const cookie = (await fetch(`${url}/login`)).headers.getSetCookie()[0].split(';')[0];
  const { default: autocannon } = await import('autocannon');
  const run = (amount) => autocannon({ url, amount, connections: 20, headers: { cookie } });
  const cpu = async () => {
    child.send('cpu');
    const { user, system } = await next();
    return user + system;
  };
  await run(REQUESTS / 4);
  const before = await cpu();
  const { non2xx } = await run(REQUESTS);
  if (non2xx > 0) throw new Error(`${non2xx} requests failed`);
  const spent = (await cpu()) - before;
  child.kill();
  return spent / REQUESTS;
}

/**
 * node bench/in-process.mjs [--platform=fastify] [--rounds=100] [--lib=dist/esm]
 *
 * What sessions in memory add to a request, without a network: the least CPU time of many short rounds, each contender in a process of its
 * own. For comparing two builds, or two versions of Node (run it with that one), on a machine that has other work to do.
 */
import { rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Child } from './child.mjs';
import { buildLibrary } from './library.mjs';

const { values: given } = parseArgs({
  options: {
    platform: { type: 'string', default: 'express' },
    rounds: { type: 'string', default: '100' },
    lib: { type: 'string' },
  },
});
const { platform } = given;
const library = given.lib === undefined ? buildLibrary() : resolve(given.lib);
const peer = platform === 'fastify' ? '@fastify/session' : 'express-session';
const specs = {
  bare: { engine: 'bare' },
  [peer]: { engine: peer },
  keycard: { engine: 'keycard' },
  'keycard, lazy': { engine: 'keycard', options: { load: 'lazy' } },
};
const CASES = { read: '/read', change: '/change', 'not asked for': '/untouched' };
const REQUESTS = 200;

const least = {};
const cookies = {};
const servers = Object.keys(specs).map((name) => [
  name,
  new Child(join(import.meta.dirname, 'server.mjs'), { env: { NODE_ENV: 'production' } }),
]);
for (const [name, server] of servers) {
  await server.ask('start', { store: 'memory', library, platform, ...specs[name] });
  // A lazy session reads nothing of a cookie if nobody asks.
  const isLazy = name.endsWith('lazy');
  cookies[name] = isLazy ? ['sid=s%3Aa.b'] : [];
  for (let n = 0; !isLazy && n < 16; n += 1) cookies[name].push(await server.ask('seed', '/seed?user=u01&bytes=400'));
}
for (const [title, path] of Object.entries(CASES)) {
  const measured = servers.filter(([name]) => !name.endsWith('lazy') || path === '/untouched');
  const user = path === '/untouched' ? 'u--' : 'u01';
  for (const [name, server] of measured) {
    // Without sessions nobody says who it is.
    const expected = name === 'bare' ? undefined : JSON.stringify({ user });
    await server.ask('emit', { path, cookies: cookies[name], requests: 12_000, expected });
  }
  least[title] = {};
  for (let round = 0; round < Number(given.rounds); round += 1)
    for (const [name, server] of measured) {
      const cpu = await server.ask('emit', { path, cookies: cookies[name], requests: REQUESTS });
      least[title][name] = Math.min(least[title][name] ?? Infinity, cpu);
    }
}
for (const [, server] of servers) await server.end();
if (given.lib === undefined) rmSync(library, { recursive: true, force: true });

console.log(`Node ${process.version}, ${platform}, load average ${loadavg()[0].toFixed(1)}; µs over the bare route`);
for (const [title, found] of Object.entries(least)) {
  const cost = (name) => found[name] - found.bare;
  const parts = Object.keys(found)
    .filter((name) => name !== 'bare')
    .map(
      (name) => `${name} ${cost(name).toFixed(1)}${name === peer ? '' : ` (${(cost(name) / cost(peer)).toFixed(2)})`}`,
    );
  console.log(`${title.padEnd(14)} bare ${found.bare.toFixed(1)}; ${parts.join(', ')}`);
}

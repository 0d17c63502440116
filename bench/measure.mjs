/** The servers of one store, their sessions, and the rounds that are run on them. */
import { join } from 'node:path';
import { Child } from './child.mjs';

const CONNECTIONS = 32;
const GUEST = 'u--';
const STANDARD_BYTES = 400;
const users = Array.from({ length: CONNECTIONS }, (_, n) => `u${String(n).padStart(2, '0')}`);
const script = (name) => join(import.meta.dirname, name);

export class Measurement {
  #servers = new Map();
  #states = new Map();

  constructor(group, load) {
    this.group = group;
    this.load = load;
  }

  async start({ library, url, folder }) {
    const run = process.pid;
    await Promise.all(
      Object.entries(this.group.servers).map(async ([name, spec], n) => {
        const child = new Child(script('server.mjs'), { env: { NODE_ENV: 'production' } });
        this.#servers.set(name, { child, hasSession: spec.engine !== 'bare' && spec.engine !== 'raw' });
        const whole = { store: this.group.store, url, folder, library, name: `bench_${run}_${n}`, ...spec };
        this.#servers.get(name).port = (await child.ask('start', whole)).port;
      }),
    );
  }

  /** Asks servers for something by name. */
  async tell(names, what, argument) {
    await Promise.all(names.map((name) => this.#servers.get(name).child.ask(what, argument?.(name))));
  }

  async stop() {
    await Promise.all([...this.#servers.values()].map(({ child }) => child.end()));
  }

  /** Makes the sessions of a case and looks at the answers. */
  async prepare(each, name) {
    const { port, hasSession } = this.#servers.get(name);
    const bytes = each.bytes ?? STANDARD_BYTES;
    const seeded = await this.load.ask('run', {
      port,
      paths: users.map((user) => `/seed?user=${user}&bytes=${bytes}`),
      expected: users.map((user) => JSON.stringify({ user })),
      requests: CONNECTIONS,
      follow: true,
    });
    if (hasSession && !seeded.cookies.every(Boolean))
      throw new Error(`${name} gave no cookie to a session that was written to.`);
    const own = hasSession ? seeded.cookies : users.map((user) => `sid=s%3A${'a'.repeat(32)}${user}.${'b'.repeat(43)}`);
    const cookies = {
      own,
      // The last but one: the last character of a signature carries bits that count for nothing.
      forged: own.map((cookie) => cookie.slice(0, -2) + (cookie.at(-2) === 'A' ? 'B' : 'A') + cookie.slice(-1)),
      none: [],
    }[each.cookie];
    const seen = (user) =>
      !hasSession || each.cookie !== 'own' || each.path === '/untouched'
        ? GUEST
        : each.path === '/login'
          ? 'u01'
          : user;
    const expected = users.map((user) => JSON.stringify({ user: seen(user) }));
    this.#states.set(`${each.title} ${name}`, { own, cookies, expected, counts: users.map(() => 0) });
    await this.#check(each, name);
  }

  /** Whether each session is what it should be; before and after the load. */
  async #check(each, name) {
    const { port, hasSession } = this.#servers.get(name);
    const state = this.#states.get(`${each.title} ${name}`);
    const at = `${this.group.store}, ${each.title}, ${name}`;
    await this.load
      .ask('run', {
        port,
        paths: each.path,
        cookies: state.cookies,
        expected: state.expected,
        requests: CONNECTIONS,
        follow: each.follow,
      })
      .then(({ cookies, counts }) => this.#took(each, state, cookies, counts))
      .catch((error) => {
        throw new Error(`${at}: ${error.message}`);
      });
    if (!hasSession || each.cookie !== 'own') return;
    const n = await this.load.ask('run', { port, paths: '/count', cookies: state.cookies, requests: CONNECTIONS });
    const wanted = state.counts.map((count) => JSON.stringify({ n: each.path === '/change' ? count : 0 }));
    const wrong = n.bodies.findIndex((body, at) => body !== wanted[at]);
    if (wrong !== -1) throw new Error(`${at}: a session of ${wanted[wrong]} says ${n.bodies[wrong]}.`);
    if (each.path === '/login') return;
    const guest = users.map(() => JSON.stringify({ user: GUEST }));
    await this.load.ask('run', { port, paths: '/decorated', cookies: [], expected: guest, requests: CONNECTIONS });
  }

  #took(each, state, cookies, counts) {
    if (each.follow) state.cookies = cookies;
    counts.forEach((count, n) => (state.counts[n] += count));
  }

  check(each, name) {
    return this.#check(each, name);
  }

  /** So many requests of a case: the server's CPU time for each in µs, and what a clock on the wall says. */
  async run(each, name, requests) {
    const { child, port } = this.#servers.get(name);
    const state = this.#states.get(`${each.title} ${name}`);
    const before = await child.ask('mark');
    const load = await this.load.ask('run', {
      port,
      paths: each.path,
      cookies: state.cookies,
      expected: state.expected,
      requests,
      follow: each.follow,
      isAwake: this.group.store === 'memory',
    });
    const after = await child.ask('mark');
    this.#took(each, state, load.cookies, load.counts);
    const active = after.active - before.active;
    return {
      cpu: (after.cpu - before.cpu) / requests,
      rate: requests / (load.ms / 1_000),
      p50: load.p50,
      p99: load.p99,
      busy: active / (active + after.idle - before.idle),
    };
  }
}

import { Random } from './random.js';
import type { FaultKind } from './simulated-store.js';

/** What a handler does with its session. */
export type Verb =
  | { readonly do: 'login'; readonly principal: string; readonly data: boolean }
  | { readonly do: 'logout' | 'destroy' | 'confirm' | 'renew' | 'regenerate' | 'reload' | 'touch' | 'unset' }
  /** `aside`: nobody waits for it. */
  | { readonly do: 'save'; readonly aside: boolean }
  /** Takes away a key that `login()` was given. */
  | { readonly do: 'forget' }
  /** `slow`: fn waits for something. `nested`: it calls a verb, which is refused. */
  | { readonly do: 'update'; readonly slow: boolean; readonly nested: boolean }
  | { readonly do: 'set' | 'delete'; readonly key: string }
  /** `session.user = …`, as tutorials do. */
  | { readonly do: 'derive'; readonly principal: string }
  /** The session gets a cookie life of its own. */
  | { readonly do: 'lengthen' }
  /** The handler waits for something else. */
  | { readonly do: 'wait'; readonly ms: number };

/** One thing that happens, at a time of its own in ms. */
export type Action =
  | {
      readonly kind: 'request';
      readonly at: number;
      readonly browser: number;
      readonly process: number;
      /** Whether the route has the guard. */
      readonly guarded: boolean;
      readonly verbs: readonly Verb[];
      /** The client goes away after so long. */
      readonly leavesAfter?: number | undefined;
    }
  | {
      readonly kind: 'registry';
      readonly at: number;
      readonly process: number;
      readonly do: 'list' | 'count' | 'revoke' | 'revokeAll' | 'find' | 'open' | 'reindex';
      readonly principal: string;
      /** Whose session is meant, or spared. */
      readonly browser: number;
      readonly spares: boolean;
    }
  | { readonly kind: 'kill'; readonly at: number; readonly process: number }
  | { readonly kind: 'lose'; readonly at: number; readonly what: 'record' | 'entry'; readonly which: number }
  /** For so long no write of one record goes through, as with a locked row. */
  | { readonly kind: 'lock'; readonly at: number; readonly which: number; readonly ms: number }
  | { readonly kind: 'jump'; readonly at: number; readonly process: number; readonly ms: number };

/** The options of a schedule, and what may go wrong in it. */
export interface Config {
  readonly index: 'atomic' | 'apart';
  readonly pipelined: boolean;
  readonly cap: number | undefined;
  readonly onTooMany: 'evict-oldest' | 'reject';
  readonly renewAfter: number | undefined;
  readonly hashIds: boolean;
  readonly encryption: boolean;
  readonly lazy: boolean;
  readonly unset: 'keep' | 'destroy';
  /** Sessions may expire while the schedule runs. */
  readonly expiring: boolean;
  /** The store replaces a record without a promise (`replaceNow`), if that was asked for. */
  readonly inMemory: boolean;
  /** What goes wrong: store faults, killed processes, lost records, clocks that differ or jump. */
  readonly trouble: Trouble;
}

export const TROUBLES = ['none', 'faults', 'kills', 'losses', 'locks', 'skew', 'jumps'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** A schedule, whole: what happens, not yet in which order. */
export interface Plan {
  readonly seed: number;
  /** Decides every delay. */
  readonly timing: number;
  readonly config: Config;
  /** The clocks of the processes: by how many ms each is ahead. */
  readonly clocks: readonly number[];
  readonly browsers: number;
  readonly actions: readonly Action[];
  /** Which store calls fail, counted from the time when trouble begins. */
  readonly faults: readonly { readonly call: number; readonly kind: FaultKind }[];
  /** When trouble begins, in ms. */
  readonly troubleAt: number;
}

export const TOUCH_INTERVAL = 20_000;
export const RENEW_GRACE = 6_000;
export const STORE_TIMEOUT = 2_000;
export const IDLE_TIMEOUT = 1_800_000;
/** Of schedules in which sessions expire. */
export const SHORT_IDLE = 3_000;

const PRINCIPALS = ['ada', 'bob'];
const KEYS = ['cart', 'note'];
const FAULTS: readonly FaultKind[] = [
  'repeated',
  'error-before',
  'error-after',
  'silence-before',
  'silence-after',
  'late',
  'slow',
];

/**
 * Narrows what is simulated: names such as `atomic`, `cap`, `reject`, `kills`, `no-hash`; all have to hold. `data`, `logins` and `revocation`
 * say what most requests do, and `crowd`: many change one session at once, while its id is renewed. `in-memory`: the store has `replaceNow`.
 */
export type Filter = readonly string[];

export function namesOf(config: Config): string[] {
  return [
    config.index,
    ...(config.cap === undefined
      ? ['nocap']
      : ['cap', config.onTooMany === 'reject' ? 'reject' : 'evict', `cap${config.cap}`]),
    config.trouble,
    ...(config.renewAfter === undefined ? [] : ['renew']),
    ...(config.hashIds ? ['hash'] : []),
    ...(config.encryption ? ['encrypt'] : []),
    ...(config.lazy ? ['lazy'] : []),
    ...(config.unset === 'destroy' ? ['unset'] : []),
    ...(config.expiring ? ['expiring'] : []),
    ...(config.inMemory ? ['in-memory'] : []),
  ];
}

const FOCUSES: ReadonlySet<string> = new Set(['crowd', 'data', 'logins', 'revocation']);

function fits(config: Config, filter: Filter): boolean {
  const names = new Set(namesOf(config));
  return filter.every(
    (word) => FOCUSES.has(word) || (word.startsWith('no-') ? !names.has(word.slice(3)) : names.has(word)),
  );
}

function drawConfig(random: Random, inMemory: boolean): Config {
  const cap = random.chance(0.55) ? 1 + random.int(3) : undefined;
  const encryption = random.chance(0.1);
  return {
    index: random.pick(['atomic', 'apart']),
    pipelined: random.chance(0.6),
    cap: cap === 3 && random.chance(0.5) ? 1 : cap,
    onTooMany: random.pick(['evict-oldest', 'reject']),
    renewAfter: random.chance(0.35) ? random.pick([300, 3_000]) : undefined,
    hashIds: random.chance(0.15),
    encryption,
    lazy: random.chance(0.15),
    unset: random.pick(['keep', 'destroy']),
    expiring: random.chance(0.06),
    inMemory,
    trouble: random.weighted({ none: 36, faults: 22, kills: 12, losses: 6, locks: 4, skew: 12, jumps: 8 }),
  };
}

/** The schedule of a seed. */
export function planOf(seed: number, filter: Filter = []): Plan {
  const random = new Random(seed);
  const inMemory = filter.includes('in-memory');
  let config = drawConfig(random, inMemory);
  for (let tries = 0; !fits(config, filter); tries += 1) {
    if (tries === 20_000) throw new Error(`No schedule is all of: ${filter.join(', ')}.`);
    config = drawConfig(random, inMemory);
  }
  const processes = 2 + random.int(2);
  const browsers = 1 + random.int(3);
  const actions: Action[] = [];
  const some = <T>(items: readonly T[]): T => random.pick(items);
  // Mostly one principal, as rivals have to meet.
  const principal = (): string => (random.chance(0.8) ? 'ada' : some(PRINCIPALS));
  const key = (): string => (random.chance(0.7) ? KEYS[0]! : some(KEYS));

  const drawn = random.weighted({ nothing: 50, data: 18, logins: 16, revocation: 16 });
  const asked = filter.find((word) => FOCUSES.has(word));
  const isCrowd = asked === 'crowd';
  const focus = isCrowd ? 'data' : ((asked as typeof drawn | undefined) ?? drawn);
  let at = 0;
  const setUp = focus === 'data' ? 1 : random.int(browsers + 1);
  for (let i = 0; i < setUp; i += 1) {
    const verbs: Verb[] = random.chance(0.7)
      ? [{ do: 'login', principal: principal(), data: random.chance(0.5) }]
      : [{ do: 'set', key: key() }];
    if (random.chance(0.2)) verbs.push({ do: 'lengthen' });
    if (focus === 'data') verbs.push({ do: 'set', key: KEYS[0]! }, { do: 'set', key: KEYS[1]! });
    actions.push({ kind: 'request', at, browser: i % browsers, process: random.int(processes), guarded: true, verbs });
    at += 100;
  }
  if (random.chance(0.3)) at += some([400, 3_100, RENEW_GRACE + 1_000, TOUCH_INTERVAL + 1_000]);
  const troubleAt = at;

  const of = (name: typeof focus, times: number): number => (focus === name ? times : 1);
  const verb = (): Verb => {
    const name = random.weighted({
      login: 22 * of('logins', 3) * of('data', 0.2),
      logout: 10,
      destroy: 3,
      unset: 4,
      confirm: 12 * of('logins', 2),
      renew: isCrowd ? 40 : 6,
      regenerate: 4,
      update: 12 * of('data', 3),
      set: 12 * of('data', 2),
      delete: 4 * of('data', 5),
      save: 5,
      forget: 1.5,
      reload: 2,
      touch: 2,
      derive: 4,
      lengthen: 1,
      wait: 5,
    });
    switch (name) {
      case 'login':
        return { do: name, principal: principal(), data: random.chance(0.3) };
      case 'derive':
        return { do: name, principal: principal() };
      case 'save':
        return { do: name, aside: random.chance(0.3) };
      case 'update':
        return { do: name, slow: random.chance(0.2), nested: random.chance(0.05) };
      case 'set':
      case 'delete':
        return { do: name, key: key() };
      case 'wait':
        return { do: name, ms: some([1, 5, 20, RENEW_GRACE + 2_000]) };
      default:
        return { do: name };
    }
  };

  const count = (isCrowd ? 8 : 2) + random.int(6);
  for (let i = 0; i < count; i += 1) {
    const process = random.int(processes);
    if (random.chance(focus === 'revocation' ? 0.4 : 0.16)) {
      actions.push({
        kind: 'registry',
        at,
        process,
        do: random.weighted({ revokeAll: 50, revoke: 18, list: 6, count: 4, find: 4, open: 12, reindex: 6 }),
        principal: principal(),
        browser: random.int(browsers),
        spares: random.chance(0.25),
      });
    } else {
      const verbs: Verb[] = [];
      for (
        let left = random.weighted({ '0': 10, '1': 62, '2': 22, '3': 6 } as Record<string, number>);
        Number(left) > verbs.length;
      )
        verbs.push(verb());
      // A save that nobody waits for, and what needs its result.
      if (random.chance(0.04)) {
        const next: Verb = random.chance(0.6)
          ? { do: 'login', principal: principal(), data: random.chance(0.5) }
          : { do: some(['confirm', 'renew', 'logout']) };
        verbs.splice(0, verbs.length, { do: 'set', key: key() }, { do: 'save', aside: true }, next);
      }
      // One that thinks for a while, so that others come and go meanwhile.
      if (focus === 'data' && random.chance(0.2))
        verbs.splice(
          0,
          verbs.length,
          { do: 'wait', ms: 25 },
          { do: random.chance(0.7) ? 'set' : 'delete', key: key() },
        );
      actions.push({
        kind: 'request',
        at,
        browser: focus === 'data' && random.chance(0.8) ? 0 : random.int(browsers),
        process,
        guarded: random.chance(0.8),
        verbs: random.chance(0.12) ? [{ do: 'wait', ms: some([8, 20]) }, ...verbs] : verbs,
        leavesAfter: random.chance(0.05) ? random.between(0, 20) : undefined,
      });
    }
    at += random.chance(isCrowd ? 0.98 : 0.8)
      ? random.between(0, 8)
      : some([60, 60, 400, 3_100, RENEW_GRACE + 1_000, TOUCH_INTERVAL + 1_000]);
  }

  const during = (): number => random.between(troubleAt, Math.min(at, troubleAt + 60) + 10);
  const faults: { call: number; kind: FaultKind }[] = [];
  const clocks = Array.from({ length: processes }, () => 0);
  switch (config.trouble) {
    case 'faults': {
      // Drivers that send again what they got no answer to, while others write.
      const isRepeating = focus === 'data' && random.chance(0.6);
      const soon = isRepeating || random.chance(0.5);
      for (let i = 1 + random.int(isRepeating ? 5 : 2); i > 0; i -= 1)
        faults.push({ call: 1 + random.int(soon ? 12 : 30), kind: isRepeating ? 'repeated' : some(FAULTS) });
      break;
    }
    case 'kills':
      actions.push({ kind: 'kill', at: during(), process: random.int(processes) });
      break;
    case 'losses': {
      const what = config.index === 'apart' && random.chance(0.7) ? 'entry' : 'record';
      const time = during();
      actions.push({ kind: 'lose', at: time, what, which: random.int(50) });
      if (random.chance(0.5))
        actions.push({
          kind: 'registry',
          at: time + random.between(0, 10),
          process: random.int(processes),
          do: 'revokeAll',
          principal: 'ada',
          browser: 0,
          spares: false,
        });
      // Somebody comes back before a touch is due.
      const browser = random.int(browsers);
      const process = random.int(processes);
      const back = random.weighted({ confirm: 4, open: 3, nobody: 3 });
      if (back === 'confirm')
        actions.push({
          kind: 'request',
          at: time + random.between(30, 80),
          browser,
          process,
          guarded: true,
          verbs: [{ do: 'confirm' }],
        });
      else if (back === 'open')
        actions.push({
          kind: 'registry',
          at: time + random.between(30, 80),
          process,
          do: 'open',
          principal: 'ada',
          browser,
          spares: false,
        });
      break;
    }
    case 'locks':
      actions.push({ kind: 'lock', at: during(), which: random.int(50), ms: some([1_000, 3_000, 8_000]) });
      break;
    case 'skew':
      for (let i = 0; i < processes; i += 1) clocks[i] = Math.round(random.between(-1_000, 1_000));
      break;
    case 'jumps': {
      const process = random.int(processes);
      const ms = some([3_600_000, -3_600_000, 86_400_000, -86_400_000]);
      const first = during();
      actions.push({ kind: 'jump', at: first, process, ms });
      actions.push({ kind: 'jump', at: first + random.between(5, 60), process, ms: -ms });
      break;
    }
    case 'none':
      break;
  }
  return { seed, timing: seed, config, clocks, browsers, actions, faults, troubleAt };
}

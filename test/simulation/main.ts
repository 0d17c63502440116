import { loadEngine } from './engine-adapter.js';
import { check } from './oracle.js';
import { type Invariant, INVARIANTS } from './oracle/invariants.js';
import { namesOf, type Plan, planOf, TROUBLES } from './plan.js';
import { installVirtualTime } from './scheduler.js';
import { shrink } from './shrink.js';
import { run } from './world.js';

/** What `npm run simulate` is asked for. */
export interface Options {
  /** The compiled lib/ that is simulated. */
  readonly lib: string;
  /** The first seed. */
  readonly seed: number;
  readonly schedules: number;
  readonly seconds: number;
  readonly config: readonly string[];
  /** Only these invariants count; default: all. */
  readonly invariants: readonly string[];
  /** These don't. */
  readonly except: readonly string[];
  /** Prints the run of the first seed. */
  readonly trace: boolean;
  readonly shrinks: boolean;
  /** Ends at the first failure. */
  readonly bail: boolean;
}

interface Tally {
  count: number;
  readonly seeds: number[];
  readonly configs: Map<string, number>;
}

/** What a run of many schedules found. */
export interface Summary {
  readonly schedules: number;
  readonly seconds: number;
  readonly failures: ReadonlyMap<Invariant, Tally>;
  readonly failed: number;
  readonly byTrouble: ReadonlyMap<string, { schedules: number; failed: number }>;
  readonly lostMarks: number;
}

const realNow = performance.now.bind(performance);

export async function simulate(options: Options): Promise<Summary> {
  Error.stackTraceLimit = options.trace ? 10 : 0;
  const log = (text: string): void => void process.stdout.write(`${text}\n`);
  installVirtualTime();
  const build = await loadEngine(options.lib);

  if (options.trace) {
    const history = await run(planOf(options.seed, options.config), build, true);
    log(describePlan(history.plan));
    for (const line of history.trace) log(line);
    for (const { invariant, what } of check(history)) log(`BROKEN ${invariant}: ${what}`);
  }

  const start = realNow();
  const failures = new Map<Invariant, Tally>();
  const byTrouble = new Map(TROUBLES.map((name) => [name as string, { schedules: 0, failed: 0 }]));
  let schedules = 0;
  let failed = 0;
  let lostMarks = 0;
  for (let seed = options.seed; !options.trace && schedules < options.schedules; seed += 1) {
    if (realNow() - start > options.seconds * 1_000) break;
    const plan = planOf(seed, options.config);
    const history = await run(plan, build);
    schedules += 1;
    if (history.lostMarks.length > 0) lostMarks += 1;
    const names = namesOf(plan.config);
    const broken = check(history).filter(
      ({ invariant }) =>
        (options.invariants.length === 0 || options.invariants.includes(invariant)) &&
        !options.except.includes(invariant),
    );
    const trouble = byTrouble.get(plan.config.trouble)!;
    trouble.schedules += 1;
    if (broken.length === 0) continue;
    failed += 1;
    trouble.failed += 1;
    for (const { invariant } of broken) {
      let tally = failures.get(invariant);
      if (tally === undefined) failures.set(invariant, (tally = { count: 0, seeds: [], configs: new Map() }));
      tally.count += 1;
      if (tally.seeds.length < 12) tally.seeds.push(seed);
      const name = `${names[0]}/${plan.config.cap === undefined ? 'nocap' : names[2]}/${plan.config.trouble}`;
      tally.configs.set(name, (tally.configs.get(name) ?? 0) + 1);
    }
    if (options.bail) break;
  }
  const seconds = (realNow() - start) / 1_000;

  if (!options.trace) {
    log(
      `${schedules} schedules in ${seconds.toFixed(1)} s (${Math.round(schedules / seconds)} a second), seeds from ${options.seed}; ${failed} broke an invariant.`,
    );
    if (lostMarks > 0) log(`In ${lostMarks} the store lost a mark; they are held to fewer invariants.`);
    log([...byTrouble].map(([name, { schedules: all, failed: bad }]) => `${name} ${bad}/${all}`).join(', '));
  }
  for (const [invariant, { count, seeds, configs }] of [...failures].sort((a, b) => b[1].count - a[1].count)) {
    log(`\n${invariant}: ${count} of ${schedules}  (${INVARIANTS[invariant]})`);
    log(
      `  ${[...configs]
        .sort((a, b) => b[1] - a[1])
        .map(([name, times]) => `${name} ${times}`)
        .slice(0, 8)
        .join(', ')}`,
    );
    log(`  seeds ${seeds.join(' ')}`);
    if (!options.shrinks) continue;
    const shrunk = await shrink(planOf(seeds[0]!, options.config), invariant, build);
    log(`  seed ${seeds[0]}, shrunk: ${describePlan(shrunk.plan)}`);
    for (const line of shrunk.history.trace) log(`    ${line}`);
    log(`  => ${shrunk.violation.what}`);
  }
  return { schedules, seconds, failures, failed, byTrouble, lostMarks };
}

function describePlan({ config, clocks, faults }: Plan): string {
  const skew = clocks.some((each) => each !== 0) ? `, clocks ${clocks.join(' ')} ms` : '';
  const failing = faults.map(({ call, kind }) => `, call ${call} ${kind}`).join('');
  return `${namesOf(config).join(' ')}${config.index === 'apart' && config.pipelined ? ' pipelined' : ''}${skew}${failing}`;
}

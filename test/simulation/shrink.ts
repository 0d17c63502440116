import type { EngineBuild } from './engine-adapter.js';
import type { History } from './history.js';
import { check } from './oracle.js';
import type { Invariant, Violation } from './oracle/invariants.js';
import type { Action, Config, Plan } from './plan.js';
import { run } from './world.js';

/** A failure in as few steps as could be found. */
export interface Shrunk {
  readonly plan: Plan;
  readonly violation: Violation;
  readonly history: History;
}

/** With something left out, everything comes at another time: so many other timings are tried. */
const TIMINGS = 12;
const MOST_RUNS = 3_000;

/** Leaves out actions, verbs, faults and options one at a time, as long as the same invariant is broken. */
export async function shrink(plan: Plan, invariant: Invariant, build: EngineBuild): Promise<Shrunk> {
  let runs = 0;
  const fails = async (candidate: Plan): Promise<Plan | undefined> => {
    for (let i = 0; i < TIMINGS && runs < MOST_RUNS; i += 1) {
      runs += 1;
      const tried = { ...candidate, timing: i === 0 ? candidate.timing : candidate.seed * 1_000 + i };
      if (check(await run(tried, build)).some((each) => each.invariant === invariant)) return tried;
    }
    return undefined;
  };
  let smallest = plan;
  for (let changed = true; changed && runs < MOST_RUNS;) {
    changed = false;
    for (const candidate of smallerThan(smallest)) {
      const failing = await fails(candidate);
      if (failing === undefined) continue;
      smallest = failing;
      changed = true;
      break;
    }
  }
  const history = await run(smallest, build, true);
  const violation = check(history).find((each) => each.invariant === invariant);
  if (violation === undefined) throw new Error(`Seed ${plan.seed} doesn't fail the same way twice.`);
  return { plan: smallest, violation, history };
}

function* smallerThan(plan: Plan): Generator<Plan> {
  for (let i = 0; i < plan.actions.length; i += 1) yield { ...plan, actions: without(plan.actions, i) };
  for (let i = 0; i < plan.faults.length; i += 1) yield { ...plan, faults: without(plan.faults, i) };
  for (const [i, action] of plan.actions.entries()) {
    const put = (changed: Action): Plan => ({
      ...plan,
      actions: plan.actions.map((each, at) => (at === i ? changed : each)),
    });
    if (action.kind === 'request') {
      for (let verb = 0; verb < action.verbs.length; verb += 1)
        yield put({ ...action, verbs: without(action.verbs, verb) });
      if (action.leavesAfter !== undefined) yield put({ ...action, leavesAfter: undefined });
    }
    if (action.kind === 'registry' && action.spares) yield put({ ...action, spares: false });
  }
  const plain: Partial<Config> = {
    hashIds: false,
    encryption: false,
    lazy: false,
    renewAfter: undefined,
    expiring: false,
    unset: 'keep',
    cap: undefined,
    pipelined: true,
    index: 'atomic',
  };
  for (const [name, value] of Object.entries(plain))
    if (plan.config[name as keyof Config] !== value) yield { ...plan, config: { ...plan.config, [name]: value } };
  for (let i = 0; i < plan.clocks.length; i += 1)
    if (plan.clocks[i] !== 0) yield { ...plan, clocks: plan.clocks.map((each, at) => (at === i ? 0 : each)) };
}

const without = <T>(items: readonly T[], at: number): T[] => items.filter((_, index) => index !== at);

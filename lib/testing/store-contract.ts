import { expiring } from './contract/expiring.js';
import { type ContractContext, type ContractSubject, Harness, type Suite } from './contract/harness.js';
import { keeping } from './contract/keeping.js';
import { listing } from './contract/listing.js';
import { naming } from './contract/naming.js';
import type { ContractRunner } from './contract/runner.js';
import { swapping } from './contract/swapping.js';

const GROUPS = {
  'keeps records': keeping,
  'compares and swaps': swapping,
  'ends what has expired': expiring,
  'lists and counts': listing,
  'takes any id': naming,
} as const;

/** The options of the contract suite. */
export interface StoreContractOptions {
  /** The store's name in the titles of the tests. */
  readonly name: string;
  /** Makes the store for one test. The suite opens it, and closes it afterwards. */
  create(context: ContractContext): Promise<ContractSubject> | ContractSubject;
  /** Tests that the store can't pass: title and reason. A title that doesn't exist is an error. */
  readonly skip?: Readonly<Record<string, string>>;
  /**
   * `false` if the store keeps JSON values and not the text itself.
   *
   * @defaultValue true
   */
  readonly exactText?: boolean;
  /**
   * `true` if a server decides what has expired: those tests wait, at most 1.5 s each.
   *
   * @defaultValue false
   */
  readonly realTime?: boolean;
  /**
   * The time limit of one test, in ms.
   *
   * @defaultValue 20 000
   */
  readonly timeout?: number;
  /**
   * The test runner's functions.
   *
   * @defaultValue the globals
   */
  readonly runner?: ContractRunner;
}

/**
 * Registers the tests that every `SessionStore` has to pass.
 *
 * @example
 * ```ts
 * storeContract({ name: 'MyStore', create: ({ clock }) => ({ store: new MyStore({ clock }) }) });
 * ```
 */
export function storeContract(options: StoreContractOptions): void {
  const { name, skip = {}, exactText = true, timeout = 20_000 } = options;
  const runner = options.runner ?? (globalThis as typeof globalThis & ContractRunner);
  const skipped = new Set<string>();
  let running: Harness | undefined;

  const suite: Suite = {
    expect: (actual) => runner.expect(actual),
    expectText: (actual, expected) => {
      if (exactText || actual === undefined) runner.expect(actual).toBe(expected);
      else runner.expect(JSON.parse(actual)).toEqual(JSON.parse(expected));
    },
    test: (title, body) => {
      const reason = skip[title];
      if (reason === undefined) {
        runner.it(title, () => body(running!), timeout);
        return;
      }
      skipped.add(title);
      console.warn(`${name}: skipped "${title}": ${reason}`);
      runner.it.skip(`${title} (${reason})`, () => Promise.resolve());
    },
  };

  runner.describe(`${name} keeps the store contract`, () => {
    runner.beforeEach(async () => {
      running = await Harness.start(options.create, options.realTime ?? false);
    }, timeout);
    runner.afterEach(async () => {
      await running?.stop();
      running = undefined;
    }, timeout);
    for (const [title, register] of Object.entries(GROUPS)) runner.describe(title, () => register(suite));
  });

  const unknown = Object.keys(skip).filter((title) => !skipped.has(title));
  if (unknown.length > 0) throw new Error(`${name} skips tests that the contract doesn't have: ${unknown.join('; ')}`);
}

import type { SessionStore } from '../../stores/session-store.js';
import { ManualClock } from './manual-clock.js';
import type { ContractAssertion } from './runner.js';

/** What the suite passes to the factory of a store. */
export interface ContractContext {
  /** Pass it to the store, if the store takes a clock. */
  readonly clock: ManualClock;
}

/** A store for one test: empty, and separate from those of other tests. */
export interface ContractSubject {
  readonly store: SessionStore;
  /** Frees what the factory made. The suite closes the store itself before that. */
  close?(): Promise<void> | void;
  /**
   * Lets this many ms pass for the store.
   *
   * @defaultValue moves the clock of the context
   */
  advance?(ms: number): Promise<void> | void;
  /**
   * Writes a text directly to where the store keeps the record of this id. Does nothing if the store can't hold such a
   * text.
   */
  corrupt?(id: string, text: string): Promise<void> | void;
  /** Another store on the same data, as in another process, not yet opened. The suite closes it. */
  reopen?(): Promise<SessionStore> | SessionStore;
}

/**
 * Long enough for what a test does first, even on a busy machine. Just under a whole second, as some servers round up.
 */
const SHORT_LIFE_MS = 1_900;

/** What a test gets. */
export class Harness {
  private readonly opened: SessionStore[] = [];
  private ends = 0;

  private constructor(
    readonly subject: ContractSubject,
    /** Whether time is real, because a server decides what has expired. */
    readonly realTime: boolean,
    private readonly clock: ManualClock,
  ) {}

  static async start(
    create: (context: ContractContext) => Promise<ContractSubject> | ContractSubject,
    realTime: boolean,
  ): Promise<Harness> {
    const clock = new ManualClock();
    const harness = new Harness(await create({ clock }), realTime, clock);
    await harness.open(harness.store);
    return harness;
  }

  get store(): SessionStore {
    return this.subject.store;
  }

  now(): number {
    return this.realTime ? Date.now() : this.clock.now();
  }

  /** The expiry for a record that `passSoon()` lets expire. */
  soon(): number {
    return (this.ends = this.now() + (this.realTime ? SHORT_LIFE_MS : 60_000));
  }

  async passSoon(): Promise<void> {
    // Some servers count in whole seconds.
    if (this.realTime) await new Promise((resolve) => setTimeout(resolve, Math.max(0, this.ends - Date.now()) + 300));
    else if (this.subject.advance !== undefined) await this.subject.advance(60_000);
    else this.clock.advance(60_000);
  }

  /** A second store on the same data; the same store if there can't be one. */
  async second(): Promise<SessionStore> {
    if (this.subject.reopen === undefined) return this.store;
    const store = await this.subject.reopen();
    await this.open(store);
    return store;
  }

  async stop(): Promise<void> {
    for (const store of this.opened.reverse()) await store.close?.();
    await this.subject.close?.();
  }

  private async open(store: SessionStore): Promise<void> {
    this.opened.push(store);
    await store.open?.();
  }
}

/** How a group of tests is registered. */
export interface Suite {
  test(title: string, body: (harness: Harness) => Promise<void>): void;
  expect(actual: unknown): ContractAssertion;
  /** Expects a text as it was written; or equal JSON values, if the store doesn't keep the text. */
  expectText(actual: string | undefined, expected: string): void;
}

import type { SessionStore } from '../../stores/session-store.js';
import type { ManualClock } from './manual-clock.js';
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

/** What a test gets. */
export interface Harness {
  readonly subject: ContractSubject;
  readonly store: SessionStore;
  /** Whether time is real, because a server decides what has expired. */
  readonly realTime: boolean;
  now(): number;
  /** The expiry for a record that `passSoon()` lets expire. */
  soon(): number;
  passSoon(): Promise<void>;
  /** A second store on the same data; the same store if there can't be one. */
  second(): Promise<SessionStore>;
}

/** How a group of tests is registered. */
export interface Suite {
  test(title: string, body: (harness: Harness) => Promise<void>): void;
  expect(actual: unknown): ContractAssertion;
  /** Expects a text as it was written; or equal JSON values, if the store doesn't keep the text. */
  expectText(actual: string | undefined, expected: string): void;
}

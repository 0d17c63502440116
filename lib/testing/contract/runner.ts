/** The assertions that the suite uses; those of Jest and Vitest fit. */
export interface ContractAssertion {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toBeDefined(): unknown;
  toBeUndefined(): unknown;
  toBeGreaterThan(expected: number): unknown;
  toBeLessThanOrEqual(expected: number): unknown;
  toContain(expected: unknown): unknown;
}

/** Registers one test. */
export type ContractRegister = (title: string, body: () => Promise<void>, timeout?: number) => unknown;

/** What a test runner offers; `import { describe, it, expect, beforeEach, afterEach } from '@jest/globals'` fits. */
export interface ContractRunner {
  describe(title: string, body: () => void): unknown;
  readonly it: ContractRegister & { readonly skip: ContractRegister };
  expect(actual: unknown): ContractAssertion;
  beforeEach(body: () => Promise<void>, timeout?: number): unknown;
  afterEach(body: () => Promise<void>, timeout?: number): unknown;
}

import { randomBytes } from 'node:crypto';
import { SESSION_OVERRIDES, type SessionOverrides, type TestOverrides } from '../nest/session.tokens.js';
import { MemoryStore } from '../stores/memory.store.js';

/** The part of `Test.createTestingModule(…)` that is used. */
export interface TestingBuilder {
  overrideProvider(token: symbol): { useValue(value: unknown): unknown };
}

/**
 * Makes an app under test use a clock that the test controls, and keep its sessions in memory, whatever the options of
 * its `SessionModule` are. If `secret` is empty, as in a test without `.env`, a random one is used.
 *
 * ```ts
 * const clock = new ManualClock();
 * const moduleRef = await overrideSessions(Test.createTestingModule({ imports: [AppModule] }), { clock }).compile();
 * ```
 *
 * @param overrides.store default: a new `MemoryStore` with the same clock.
 * @returns the builder that it was given.
 */
export function overrideSessions<B extends TestingBuilder>(builder: B, overrides: SessionOverrides = {}): B {
  const { clock, store = new MemoryStore(clock === undefined ? {} : { clock }) } = overrides;
  const given: TestOverrides = { clock, store, secret: randomBytes(32).toString('base64url') };
  builder.overrideProvider(SESSION_OVERRIDES).useValue(given);
  return builder;
}

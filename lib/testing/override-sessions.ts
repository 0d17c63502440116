import { randomBytes } from 'node:crypto';
import { SESSION_OVERRIDES, type SessionOverrides, type TestOverrides } from '../nest/session.tokens.js';
import { MemoryStore } from '../stores/memory.store.js';

/** `Test.createTestingModule(…)`, as far as it is needed. */
export interface TestingBuilder {
  overrideProvider(token: symbol): { useValue(value: unknown): unknown };
}

/**
 * Has an app under test go by a clock that the test moves, and keep its sessions in memory, whatever its `SessionModule` is configured with.
 * An app whose `secret` is empty, as a test has no `.env`, gets a random one.
 *
 * ```ts
 * const clock = new ManualClock();
 * const moduleRef = await overrideSessions(Test.createTestingModule({ imports: [AppModule] }), { clock }).compile();
 * ```
 *
 * @param overrides.store default: a `MemoryStore` of its own, that goes by the same clock.
 * @returns the builder that it was given.
 */
export function overrideSessions<B extends TestingBuilder>(builder: B, overrides: SessionOverrides = {}): B {
  const { clock, store = new MemoryStore(clock === undefined ? {} : { clock }) } = overrides;
  const given: TestOverrides = { clock, store, secret: randomBytes(32).toString('base64url') };
  builder.overrideProvider(SESSION_OVERRIDES).useValue(given);
  return builder;
}

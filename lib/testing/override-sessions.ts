import { SESSION_OVERRIDES, type SessionOverrides } from '../nest/session.tokens.js';
import { MemoryStore } from '../stores/memory.store.js';

/** `Test.createTestingModule(…)`, as far as it is needed. */
export interface TestingBuilder {
  overrideProvider(token: symbol): { useValue(value: unknown): unknown };
}

/**
 * Has an app under test go by a clock that the test moves, and keep its sessions in memory, whatever its `SessionModule` is configured with:
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
  builder.overrideProvider(SESSION_OVERRIDES).useValue({ clock, store });
  return builder;
}

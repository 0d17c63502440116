import { SessionManager } from '../../lib/session-manager.js';
import { watchOf } from '../../lib/signal/session-watch.js';
import type { TestApp } from './app.js';
import { until } from './until.js';

/** The first open session subscribes to the bus; until that is done, ends are looked for. */
export async function isHeard({ app }: TestApp): Promise<void> {
  const watch = watchOf(app.get(SessionManager));
  await until(() => watch.isHearing);
}

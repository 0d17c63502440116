import type { SessionCore } from '../session/session-core.js';
import { type SessionWatchServices, watchOf } from './session-watch.js';

/** How old what is known of a session may be, where nobody says so. */
export const REVALIDATE_MS = 5_000;

const signals = new WeakMap<SessionCore, AbortSignal>();

/** The answer that a session is read for: once it has left, nobody asks whether the session goes on. */
interface Answer {
  once?(event: 'close', listener: () => void): unknown;
  readonly closed?: boolean;
}

/** The signal that a session has ended, as `session.signal` gives it. */
export function signalOf(services: SessionWatchServices, core: SessionCore, answer: Answer | undefined): AbortSignal {
  let signal = signals.get(core);
  if (signal === undefined) signals.set(core, (signal = newSignal(services, core, answer)));
  return signal;
}

function newSignal(services: SessionWatchServices, core: SessionCore, answer: Answer | undefined): AbortSignal {
  if (core.isOver) return AbortSignal.abort(ended());
  const controller = new AbortController();
  const { metadata, stored } = core;
  const id = (): string | undefined => (core.status === 'stored' ? core.id : undefined);
  const found = stored === undefined || core.status !== 'stored' ? undefined : { id: core.id, loaded: stored };
  const as = { id, handle: metadata.handle, metadata: found && metadata, found };
  const { release } = watchOf(services).watch(as, () => controller.abort(ended()), REVALIDATE_MS);
  answer?.once?.('close', release);
  if (answer?.closed === true) release();
  return controller.signal;
}

/** What the signal's `reason` is. */
export const ended = (): DOMException => new DOMException('The session has ended.', 'AbortError');

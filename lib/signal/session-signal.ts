import type { SessionCore } from '../session/session-core.js';
import { watchOf } from './session-watch.js';
import type { SignalServices } from './signal-services.js';

/** How old the record of a watched session may be by default. */
export const REVALIDATE_MS = 5_000;

const signals = new WeakMap<SessionCore, AbortSignal>();

/** The response that a session was read for. After it was sent, the signal is no longer needed for it. */
interface Answer {
  once?(event: 'close', listener: () => void): unknown;
  readonly closed?: boolean;
}

/** The signal that aborts when a session ends: `session.signal`. */
export function signalOf(services: SignalServices, core: SessionCore, answer: Answer | undefined): AbortSignal {
  let signal = signals.get(core);
  if (signal === undefined) signals.set(core, (signal = newSignal(services, core, answer)));
  return signal;
}

function newSignal(services: SignalServices, core: SessionCore, answer: Answer | undefined): AbortSignal {
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

/** The `reason` of the signal. */
export const ended = (): DOMException => new DOMException('The session has ended.', 'AbortError');

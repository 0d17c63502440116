import type { Found } from '../commit/record-finder.js';
import { WatchedSession, type WatchServices } from './watched-session.js';

/** The sessions that something in this process has open. */
export class SessionWatch {
  private readonly sessions = new Map<string, WatchedSession>();

  constructor(private readonly services: WatchServices) {}

  /** Does this when the session ends. Gives the session, and what ends the watch. */
  watch(found: Found, close: () => void): { readonly session: WatchedSession; readonly release: () => void } {
    const metadata = found.loaded.record.metadata;
    const handle = metadata?.handle ?? found.loaded.key;
    let session = this.sessions.get(handle);
    if (session === undefined || session.isOver) {
      session = new WatchedSession(this.services, found);
      this.sessions.set(handle, session);
    }
    const watched = session;
    watched.closers.add(close);
    return {
      session: watched,
      release: () => {
        watched.closers.delete(close);
        if (watched.closers.size === 0 && this.sessions.get(handle) === watched) this.sessions.delete(handle);
      },
    };
  }
}

const watches = new WeakMap<object, SessionWatch>();

/** The watch of a module. */
export function watchOf(services: WatchServices): SessionWatch {
  let watch = watches.get(services);
  if (watch === undefined) watches.set(services, (watch = new SessionWatch(services)));
  return watch;
}

import type { Notices } from '../../record/notices.js';
import type { SessionCore } from '../../session/session-core.js';

/** How many sessions are watched at a time, how often each is looked at, and how long between two looks. */
const MOST_WATCHED = 16;
const MOST_LOOKS = 10;
const WATCH_MS = 1_000;
const TOPIC = 'late';

/** A request whose response has ended, or is about to. */
export interface WatchedRequest {
  /** Whether the app has written to the session since its response ended, and not saved it. */
  isWrittenLate(core: SessionCore): boolean;
}

/** Looks at a few sessions for a while: what the app writes to one whose response has ended, and doesn't save, is lost. */
export class LateWrites {
  /** Requests that are looked at, and how often they have been. */
  private readonly watched = new Map<WatchedRequest, { core: SessionCore; looks: number }>();
  private watching: NodeJS.Timeout | undefined;

  constructor(private readonly notices: Notices) {}

  watch(request: WatchedRequest, core: SessionCore): void {
    if (this.notices.hasSaid(TOPIC) || (this.watched.size >= MOST_WATCHED && !this.watched.has(request))) return;
    this.watched.set(request, { core, looks: 0 });
    this.watching ??= setInterval(() => this.look(), WATCH_MS).unref();
  }

  private look(): void {
    for (const [request, watched] of this.watched) {
      if (request.isWrittenLate(watched.core)) {
        this.notices.warnOnce(
          TOPIC,
          'A session was written to after its response had ended; what was written is not saved. Write before the response, or call session.save() afterwards. This is said once.',
        );
        this.watched.clear();
        break;
      }
      watched.looks += 1;
      if (watched.looks >= MOST_LOOKS) this.watched.delete(request);
    }
    if (this.watched.size > 0) return;
    clearInterval(this.watching);
    this.watching = undefined;
  }
}

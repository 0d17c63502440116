import type { Notices } from '../../record/notices.js';
import type { SessionCore } from '../../session/session-core.js';

/** How many sessions are watched at a time, how often each is checked, and the time between two checks. */
const MOST_WATCHED = 16;
const MOST_LOOKS = 10;
const WATCH_MS = 1_000;
const TOPIC = 'late';

/** A request whose response has ended, or is about to end. */
export interface WatchedRequest {
  /** Whether the app has changed the session since its response ended, and not saved it. */
  isWrittenLate(core: SessionCore): boolean;
}

/** Checks a few sessions after their response has ended, to warn about changes that will be lost. */
export class LateWrites {
  /** The watched requests, and how often each was checked. */
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
          'A session was changed after its response had ended, so the change is not saved. Change it before the response ends, or call session.save() afterwards. This warning is logged once.',
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

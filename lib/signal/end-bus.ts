import { randomUUID } from 'node:crypto';
import type { SessionEvents } from '../common/session-events.js';
import { wordsOf } from '../common/scrubbed-error.js';
import type { Notices } from '../record/notices.js';
import type { SessionBus } from '../stores/session-bus.js';
import { HINTS } from './hints.js';

/** How long a text may take to come back to who published it. */
const ECHO_MS = 2_000;
/** How often it is made sure that texts still come. */
const CHECK_MS = 30_000;
/** Handles in one text: PostgreSQL takes 8,000 bytes. */
const MOST_HANDLES = 150;

const ENDS = 'ends ';
const ECHO = 'echo ';

/** What the bus needs of its module. */
export interface EndBusServices {
  readonly events: SessionEvents;
  readonly notices: Notices;
}

/** Who hears of ends in other processes. */
export interface EndListener {
  /** Something may have happened to this session. */
  hint(handle: string): void;
  /** Whether word of ends comes; texts may have been missed before it came. */
  told(isTold: boolean): void;
}

/** Tells other processes which sessions may have ended, by their handles, and hears it from them. No id travels. */
export class EndBus {
  private waiting: Set<string> | undefined;
  private listener: EndListener | undefined;
  private stop: (() => Promise<void>) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private echo: { readonly token: string; readonly heard: () => void } | undefined;

  constructor(
    private readonly services: EndBusServices,
    private readonly bus: SessionBus,
  ) {
    services.events.onHandle((type, handle) => {
      if (HINTS.has(type)) this.tell(handle);
    });
  }

  /** Those of one turn go out together. */
  private tell(handle: string): void {
    if (this.waiting === undefined) {
      this.waiting = new Set();
      setImmediate(() => void this.flush());
    }
    this.waiting.add(handle);
  }

  private async flush(): Promise<void> {
    const handles = [...(this.waiting ?? [])];
    this.waiting = undefined;
    for (let at = 0; at < handles.length; at += MOST_HANDLES)
      await this.publish(ENDS + handles.slice(at, at + MOST_HANDLES).join(','));
  }

  private async publish(text: string): Promise<boolean> {
    try {
      await this.bus.publish(text);
      return true;
    } catch (error) {
      this.say('told', error);
      return false;
    }
  }

  /** Hears from now on. */
  listen(listener: EndListener): void {
    this.listener = listener;
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => void this.check(), CHECK_MS).unref();
    void this.check();
  }

  /** Nobody is open any more: nothing has to be heard. */
  async quiet(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    const { stop } = this;
    this.stop = undefined;
    await stop?.().catch(() => undefined);
  }

  /** Subscribes where that is to be done, and sees that what is published comes. */
  private async check(): Promise<void> {
    let isTold = false;
    try {
      if (this.stop === undefined) await this.subscribe();
      isTold = await this.isEchoed();
      if (!isTold) this.say('heard', undefined);
    } catch (error) {
      this.say('heard', error);
    }
    this.listener?.told(isTold && this.timer !== undefined);
  }

  private async subscribe(): Promise<void> {
    const stop = await this.bus.subscribe(
      (text) => this.hear(text),
      (isUp) => {
        this.listener?.told(false);
        if (isUp) void this.check();
      },
    );
    if (this.timer === undefined) await stop();
    else this.stop = stop;
  }

  private async isEchoed(): Promise<boolean> {
    const token = randomUUID();
    const echoed = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ECHO_MS).unref();
      this.echo = {
        token,
        heard: () => {
          clearTimeout(timer);
          resolve(true);
        },
      };
    });
    return (await this.publish(ECHO + token)) && echoed;
  }

  private hear(text: string): void {
    if (text.startsWith(ENDS)) for (const handle of text.slice(ENDS.length).split(',')) this.listener?.hint(handle);
    else if (text === `${ECHO}${this.echo?.token}`) this.echo?.heard();
  }

  private say(what: 'told' | 'heard', error: unknown): void {
    const why =
      error === undefined
        ? 'what is published does not come back (does a pooler swallow LISTEN?)'
        : wordsOf((error as Error).message);
    const whom =
      what === 'told'
        ? 'Other processes are not told at once of sessions that end here'
        : 'This process is not told at once of sessions that end in others';
    this.services.notices.warnOnce(
      `bus ${what}`,
      `${whom}, as the bus does not work: ${why}. Their sockets and streams end within "revalidate". This is said once.`,
    );
  }
}

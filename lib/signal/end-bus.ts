import { randomUUID } from 'node:crypto';
import { within } from '../common/deadline.js';
import { show } from '../common/duration.js';
import type { SessionEvent } from '../common/session-events.js';
import { wordsOf } from '../common/scrubbed-error.js';
import type { SessionBus } from '../stores/session-bus.js';
import { EventFeed, HINTS } from './event-feed.js';
import type { SignalServices } from './signal-services.js';

/** How long the bus may take to answer a call, and a message to return to its sender. */
const ANSWER_MS = 2_000;
/** How often it is checked that messages arrive. */
const CHECK_MS = 30_000;
/** The most characters of one message: PostgreSQL accepts 8,000 bytes. */
const LONGEST = 7_000;

const ENDS = 'ends ';
const ECHO = 'echo ';

/** Is told of sessions that end in other processes. */
export interface EndListener {
  /** Something may have happened to this session. */
  hint(handle: string): void;
  /** Whether messages arrive. Before `true`, some may have been missed. */
  told(isTold: boolean): void;
}

/**
 * Tells other processes which sessions may have ended, by their handles, and receives the same from them. Ids are never
 * sent. A handle may come with an encrypted event.
 */
export class EndBus {
  private waiting: { readonly handle: string; readonly event: SessionEvent | undefined }[] | undefined;
  private readonly listeners = new Set<EndListener>();
  private stop: (() => Promise<void>) | undefined;
  private subscribing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private checks = 0;
  /** The last check received nothing. */
  private isDeaf = false;
  /** The connection is lost; it reconnects by itself. */
  private isLost = false;
  private readonly echoes = new Map<string, () => void>();
  readonly feed: EventFeed;

  constructor(
    private readonly services: SignalServices,
    private readonly bus: SessionBus,
  ) {
    this.feed = new EventFeed(services);
    services.events.onHandle((type, handle, event) => {
      if (HINTS.has(type)) this.tell(handle, event?.());
    });
  }

  /** Messages of one turn of the event loop are sent together. */
  private tell(handle: string, event: SessionEvent | undefined): void {
    if (this.waiting === undefined) {
      this.waiting = [];
      setImmediate(() => void this.flush());
    }
    this.waiting.push({ handle, event });
  }

  private async flush(): Promise<void> {
    const entries = new Set<string>();
    for (const { handle, event } of this.waiting ?? []) {
      const encrypted = event && this.feed.encrypted(event);
      entries.add(encrypted === undefined ? handle : `${handle}.${encrypted}`);
    }
    this.waiting = undefined;
    for (const text of textsOf(entries)) await this.publish(ENDS + text);
  }

  private async publish(text: string): Promise<boolean> {
    try {
      await inTime(this.bus.publish(text));
      return true;
    } catch (error) {
      this.say('told', error);
      return false;
    }
  }

  /** Starts listening. Returns a function that stops it. */
  listen(listener: EndListener): () => void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => void this.check(), CHECK_MS).unref();
    void this.check();
    return () => {
      if (this.listeners.delete(listener) && this.listeners.size === 0) void this.quiet();
    };
  }

  /** Called when the app ends. */
  async close(): Promise<void> {
    this.listeners.clear();
    await this.quiet();
  }

  /** Unsubscribes when nobody listens any more. */
  private async quiet(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.unsubscribe();
  }

  private async unsubscribe(): Promise<void> {
    const { stop } = this;
    this.stop = undefined;
    this.isLost = false;
    if (stop !== undefined) await inTime(stop()).catch(() => undefined);
  }

  /**
   * Subscribes if necessary, and checks that published messages arrive. If several checks run, the last one counts. If
   * nothing arrives although the connection works, subscribes again: a server that was upgraded may publish in another
   * way.
   */
  private async check(): Promise<void> {
    const check = ++this.checks;
    if (this.isDeaf && !this.isLost) await this.unsubscribe();
    let isTold = false;
    let failure: unknown;
    try {
      if (this.stop === undefined)
        await inTime((this.subscribing ??= this.subscribe().finally(() => (this.subscribing = undefined))));
      isTold = await this.isEchoed();
    } catch (error) {
      failure = error;
    }
    if (check !== this.checks || this.timer === undefined) return;
    this.isDeaf = !isTold;
    if (!isTold) this.say('heard', failure);
    this.told(isTold);
  }

  private told(isTold: boolean): void {
    for (const listener of this.listeners) listener.told(isTold);
  }

  private async subscribe(): Promise<void> {
    let isOver = false;
    const stop = await this.bus.subscribe(
      (text) => this.hear(text),
      (isUp) => {
        if (isOver) return;
        this.isLost = !isUp;
        this.told(false);
        if (isUp) void this.check();
      },
    );
    if (typeof stop !== 'function')
      throw new TypeError(`its subscribe() returned ${show(stop)}, and must return a function that unsubscribes`);
    const end = async (): Promise<void> => {
      isOver = true;
      await stop();
    };
    if (this.timer === undefined) await end();
    else this.stop = end;
  }

  private async isEchoed(): Promise<boolean> {
    const token = randomUUID();
    const echoed = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_MS).unref();
      this.echoes.set(token, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    try {
      return (await this.publish(ECHO + token)) && (await echoed);
    } finally {
      this.echoes.delete(token);
    }
  }

  private hear(text: string): void {
    if (text.startsWith(ECHO)) this.echoes.get(text.slice(ECHO.length))?.();
    if (!text.startsWith(ENDS)) return;
    const entries = text
      .slice(ENDS.length)
      .split(',')
      .map((entry) => entry.split('.'));
    for (const handle of new Set(entries.map(([handle]) => handle!)))
      for (const listener of this.listeners) listener.hint(handle);
    if (this.feed.isHeard) this.feed.take(entries.flatMap(([, encrypted]) => encrypted ?? []));
  }

  private say(what: 'told' | 'heard', error: unknown): void {
    const why =
      error === undefined
        ? 'published messages do not arrive (does a pooler drop LISTEN?)'
        : wordsOf((error as Error).message);
    const whom =
      what === 'told'
        ? 'Other processes do not learn immediately of sessions that end here'
        : 'This process does not learn immediately of sessions that end in others';
    this.services.notices.warnOnce(
      `bus ${what}`,
      `${whom}, as the bus does not work: ${why}. Their sockets and streams end within "revalidate", and registry.allEvents lacks the events of other processes. This warning is logged once.`,
    );
  }
}

/** A bus that hangs must not keep back a check or a shutdown. */
const inTime = <T>(work: Promise<T>): Promise<T> =>
  within(ANSWER_MS, work, () => new Error(`it has not answered within ${ANSWER_MS / 1_000} s`));

/** Joins the entries into as few messages as possible. */
function* textsOf(entries: Iterable<string>): Generator<string> {
  let text = '';
  for (const entry of entries) {
    if (text !== '' && text.length + entry.length > LONGEST) {
      yield text;
      text = '';
    }
    text += text === '' ? entry : `,${entry}`;
  }
  if (text !== '') yield text;
}

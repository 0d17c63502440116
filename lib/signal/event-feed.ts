import { randomUUID } from 'node:crypto';
import type { SessionEvent, SessionEventType } from '../common/session-events.js';
import { deriveKey, encryptText, decryptText } from '../record/record-cipher.js';
import type { SignalServices } from './signal-services.js';

/**
 * After these events, the principal must have the session (`true`) or not (`false`), if the event is true. Other events
 * can't be checked by records.
 */
const HAS_SESSION: ReadonlyMap<SessionEventType, boolean> = new Map<SessionEventType, boolean>([
  ['logged-in', true],
  ['renewed', true],
  ['logged-out', false],
  ['destroyed', false],
  ['expired', false],
  ['revoked', false],
  ['evicted', false],
  ['principal-void', false],
]);
/** After these events a session may have ended, or have another id. */
export const HINTS: ReadonlySet<SessionEventType> = new Set<SessionEventType>([...HAS_SESSION.keys(), 'mismatch']);
/** A longer encrypted event (a principal of a kilobyte) is not sent: PostgreSQL accepts 8,000 bytes at once. */
const LONGEST = 2_000;
/** How long events are collected, so that all events of one principal (such as a `revokeAll()`) need one list. */
const GATHER_MS = 100;
/** How many principals' sessions are listed at once. */
const MOST_AT_ONCE = 20;
const CONTEXT = 'event';

/**
 * Sends events to other processes and receives theirs. They are encrypted, as others may read and write on a bus, and
 * only emitted if the principal's sessions match.
 */
export class EventFeed {
  private readonly process = randomUUID();
  private readonly keys: readonly Buffer[];
  private readonly listeners = new Set<(event: SessionEvent) => void>();
  private readonly waiting = new Map<string, SessionEvent>();
  /** Runs until the collected events have been checked. */
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly services: SignalServices) {
    this.keys = services.options.secrets.map((secret) => deriveKey(secret, 'bus'));
  }

  /** Encrypts an event for other processes; `undefined` if they could not check it. */
  encrypted(event: SessionEvent): string | undefined {
    if (event.principal === undefined || !HAS_SESSION.has(event.type)) return undefined;
    const encrypted = encryptText(this.keys[0]!, JSON.stringify([this.process, event]), CONTEXT);
    return encrypted.length > LONGEST ? undefined : encrypted;
  }

  /** Adds a listener. Returns a function that removes it. */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get isHeard(): boolean {
    return this.listeners.size > 0;
  }

  /** Takes messages of the bus. Ignores those that this app didn't encrypt, and those of this process. */
  take(encrypted: readonly string[]): void {
    for (const each of encrypted) {
      const event = this.decrypted(each);
      if (event !== undefined) this.waiting.set(each, event);
    }
    this.checkSoon();
  }

  private decrypted(encrypted: string): SessionEvent | undefined {
    for (const key of this.keys) {
      const text = decryptText(key, encrypted, CONTEXT);
      if (text === undefined) continue;
      const [process, event] = JSON.parse(text) as [string, SessionEvent];
      return process === this.process ? undefined : { ...event, remote: true };
    }
    return undefined;
  }

  private checkSoon(): void {
    if (this.waiting.size > 0) this.timer ??= setTimeout(() => void this.check(), GATHER_MS).unref();
  }

  /** Lists the sessions of each principal once, for all its events. */
  private async check(): Promise<void> {
    const ofPrincipals = new Map<string, SessionEvent[]>();
    for (const event of this.waiting.values())
      ofPrincipals.set(event.principal!, [...(ofPrincipals.get(event.principal!) ?? []), event]);
    this.waiting.clear();
    const principals = [...ofPrincipals];
    for (let at = 0; at < principals.length; at += MOST_AT_ONCE)
      await Promise.all(principals.slice(at, at + MOST_AT_ONCE).map(([name, events]) => this.emit(name, events)));
    this.timer = undefined;
    this.checkSoon();
  }

  private async emit(principal: string, heard: readonly SessionEvent[]): Promise<void> {
    const { events, list, notices } = this.services;
    try {
      const live = new Set((await list.live(principal)).map(({ record }) => record.metadata!.handle));
      for (const event of heard)
        if (live.has(event.handle!) === HAS_SESSION.get(event.type))
          for (const listener of this.listeners) events.call(listener, event);
    } catch (error) {
      notices.error(
        'An event of another process could not be checked, so registry.allEvents does not report it.',
        error,
      );
    }
  }
}

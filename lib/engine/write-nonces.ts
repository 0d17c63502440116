import type { Facts } from './facts.js';
import { newWriterName, WRITER_NAME_LENGTH } from './session-id.js';

/** So many other writers a record remembers, the latest first. */
const MOST = 16;
/** Longer than any store takes to send again what it got no answer to, and than clocks are apart. */
const SHORTEST_MEMORY_MS = 60_000;

/**
 * Marks each write of a session, so that a writer whose reply was lost finds its write again: by the nonce of the record, or, where others
 * wrote after it, among the latest nonces that every record carries on from the one it replaces. Of each writer that is its last one, and
 * what it still waits for; where one writer is alone there are none.
 *
 * A nonce is the writer's name and the ms of its write, so that what nobody waits for any more is told by itself.
 */
export class WriteNonces {
  private readonly writer = newWriterName();
  private last = 0;
  private readonly awaited = new Set<string>();
  private readonly memoryMs: number;

  constructor(
    private readonly now: () => number,
    storeTimeoutMs: number,
  ) {
    this.memoryMs = Math.max(SHORTEST_MEMORY_MS, 2 * storeTimeoutMs);
  }

  /** Marks the facts of a record that takes the place of the one they came from. */
  stamp(facts: Facts): void {
    const now = Math.floor(this.now());
    const { n: previous, q: earlier } = facts;
    this.last = Math.max(this.last + 1, now);
    facts.n = this.writer + this.last.toString(36);
    if (earlier === undefined && (previous === '' || this.isSettled(previous))) return;
    const kept = [previous, ...(earlier ?? [])].filter((nonce) => !this.isSettled(nonce) && this.isRecent(nonce, now));
    if (kept.length === 0) delete facts.q;
    else facts.q = kept.slice(0, MOST);
  }

  /** Whether a record was written with this nonce, or after it. */
  static has(facts: Facts | undefined, nonce: string): boolean {
    return facts !== undefined && (facts.n === nonce || facts.q?.includes(nonce) === true);
  }

  /** Records carry a nonce on until its writer knows what became of the write. */
  await(nonce: string): void {
    this.awaited.add(nonce);
  }

  settle(nonce: string): void {
    this.awaited.delete(nonce);
  }

  private isSettled(nonce: string): boolean {
    return nonce.startsWith(this.writer) && !this.awaited.has(nonce);
  }

  private isRecent(nonce: string, now: number): boolean {
    return Math.abs(now - Number.parseInt(nonce.slice(WRITER_NAME_LENGTH), 36)) < this.memoryMs;
  }
}

import type { SessionMetadata } from './session-metadata.js';
import { newWriterName, WRITER_NAME_LENGTH } from '../common/session-id.js';

/** So many writes of others a record remembers, the latest first. */
const MOST = 16;
/** Longer than any store takes to send again what it got no answer to, and than clocks are apart. */
const SHORTEST_MEMORY_MS = 60_000;
const SECOND_LENGTH = 7;
/** The writer, the second, and the number of the write. */
const NONCE = new RegExp(`^[\\w-]{${WRITER_NAME_LENGTH}}[0-9a-z]{${SECOND_LENGTH}}[0-9a-z]{1,12}$`);

/**
 * Marks each write of a session, so that a writer whose reply was lost finds its write again: by the nonce of the record, or, where others
 * wrote after it, among the latest nonces that every record carries on from the one it replaces. Of each writer that is its last one, and
 * what it still waits for; where one writer is alone there are none.
 *
 * A nonce tells its writer and second, so that what nobody waits for any more goes by itself.
 */
export class WriteNonces {
  private readonly writer = newWriterName();
  private readonly memoryS: number;
  private readonly awaited = new Set<string>();
  private writes = 0;
  private second = -1;
  private prefix = '';

  constructor(
    private readonly now: () => number,
    storeTimeoutMs: number,
  ) {
    this.memoryS = Math.max(SHORTEST_MEMORY_MS, 2 * storeTimeoutMs) / 1_000;
  }

  /** Marks the metadata of a record that takes the place of the one they came from. */
  stamp(metadata: SessionMetadata): void {
    const second = Math.max(0, Math.floor(this.now() / 1_000));
    if (second !== this.second) {
      this.second = second;
      this.prefix = this.writer + second.toString(36).padStart(SECOND_LENGTH, '0');
    }
    const { nonce: previous, earlierNonces: earlier } = metadata;
    // The number alone makes it unique, whatever the clock does.
    metadata.nonce = this.prefix + (this.writes++).toString(36);
    if (earlier === undefined && (previous === '' || this.isSettled(previous))) return;
    const found = earlier === undefined ? [previous] : [previous, ...earlier];
    const mine = found.filter((nonce) => this.awaited.has(nonce));
    const theirs = found.filter((nonce) => !nonce.startsWith(this.writer) && this.isRecent(nonce));
    if (mine.length + theirs.length === 0) metadata.earlierNonces = undefined;
    else metadata.earlierNonces = [...mine, ...theirs].slice(0, MOST);
  }

  /** Whether a record was written with this nonce, or after it. */
  static has(metadata: SessionMetadata | undefined, nonce: string): boolean {
    return metadata !== undefined && (metadata.nonce === nonce || metadata.earlierNonces?.includes(nonce) === true);
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

  private isRecent(nonce: string): boolean {
    if (!NONCE.test(nonce)) return false;
    const second = Number.parseInt(nonce.slice(WRITER_NAME_LENGTH, WRITER_NAME_LENGTH + SECOND_LENGTH), 36);
    return Math.abs(this.second - second) < this.memoryS;
  }
}

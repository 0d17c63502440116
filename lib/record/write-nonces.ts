import type { SessionMetadata } from './session-metadata.js';
import { newWriterName, WRITER_NAME_LENGTH } from '../common/session-id.js';

/** The most nonces of other writers that a record keeps, the latest first. */
const MOST = 16;
/** Longer than any store needs to resend a call that it got no answer to, and than clocks differ. */
const SHORTEST_MEMORY_MS = 60_000;
const SECOND_LENGTH = 7;
/** The writer, the second, and the number of the write. */
const NONCE = new RegExp(`^[\\w-]{${WRITER_NAME_LENGTH}}[0-9a-z]{${SECOND_LENGTH}}[0-9a-z]{1,12}$`);

/**
 * Marks each write of a session with a nonce, so that a writer whose reply was lost can recognise its write: by the
 * record's own nonce, or, if others wrote after it, by the earlier nonces that each record takes over from the one it
 * replaces. For each other writer these are its last nonce and those that it still waits for. If only one process
 * writes, there are none.
 *
 * A nonce contains its writer and its second, so old ones can be dropped.
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

  /** Adds the nonces to the metadata of a record that replaces another. */
  stamp(metadata: SessionMetadata): void {
    const second = Math.max(0, Math.floor(this.now() / 1_000));
    if (second !== this.second) {
      this.second = second;
      this.prefix = this.writer + second.toString(36).padStart(SECOND_LENGTH, '0');
    }
    const { nonce: previous, earlierNonces: earlier } = metadata;
    // The number makes it unique even if the clock is set back.
    metadata.nonce = this.prefix + (this.writes++).toString(36);
    if (earlier === undefined && (previous === '' || this.isSettled(previous))) return;
    const found = earlier === undefined ? [previous] : [previous, ...earlier];
    const mine = found.filter((nonce) => this.awaited.has(nonce));
    const theirs = found.filter((nonce) => !nonce.startsWith(this.writer) && this.isRecent(nonce));
    if (mine.length + theirs.length === 0) metadata.earlierNonces = undefined;
    else metadata.earlierNonces = [...mine, ...theirs].slice(0, MOST);
  }

  /** Whether the record was written with this nonce, or is based on a record that was. */
  static has(metadata: SessionMetadata | undefined, nonce: string): boolean {
    return metadata !== undefined && (metadata.nonce === nonce || metadata.earlierNonces?.includes(nonce) === true);
  }

  /** Keeps a nonce in the records until its writer knows the result of the write. */
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

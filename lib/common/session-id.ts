import { randomFillSync } from 'node:crypto';

/** 192 bits, more than the 128 that OWASP requires; 32 characters as base64url. */
const ID_BYTES = 24;
const HANDLE_BYTES = 16;
const NONCE_BYTES = 9;
const WRITER_BYTES = 6;

/** Random bytes are generated for many ids at once, as a call costs more than the bytes. */
const pool = Buffer.allocUnsafeSlow(4_096);
let used = pool.length;

function draw(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const text = pool.toString('base64url', used, used + bytes);
  // Bytes that were used must not stay in memory.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return text;
}

/** A new session id: 24 random bytes, base64url. */
export const newSessionId = (): string => draw(ID_BYTES);
/** A new public name of a session. */
export const newHandle = (): string => draw(HANDLE_BYTES);
/** A new nonce. */
export const newNonce = (): string => draw(NONCE_BYTES);
/** A new name for a writer, unique among all processes that write to a store. */
export const newWriterName = (): string => draw(WRITER_BYTES);
export const WRITER_NAME_LENGTH = (WRITER_BYTES / 3) * 4;

const WELL_FORMED = /^[\x21-\x7e]{1,256}$/;

/** 1 to 256 visible ASCII characters. Apps may have their own `genid`. */
export const isWellFormedId = (id: unknown): id is string => typeof id === 'string' && WELL_FORMED.test(id);

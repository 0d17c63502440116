import { randomFillSync } from 'node:crypto';

/** 192 bits, over the 128 that OWASP asks for; 32 characters as base64url. */
const ID_BYTES = 24;
const HANDLE_BYTES = 16;
const NONCE_BYTES = 9;
const WRITER_BYTES = 6;

/** One call for random bytes costs more than the bytes, so they are drawn for many at once. */
const pool = Buffer.allocUnsafeSlow(4_096);
let used = pool.length;

function draw(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const text = pool.toString('base64url', used, used + bytes);
  // What was given out doesn't stay behind in the pool.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return text;
}

/** A fresh session id: 24 random bytes, base64url. */
export const newSessionId = (): string => draw(ID_BYTES);
/** A name for a session that may be shown, and opens nothing. */
export const newHandle = (): string => draw(HANDLE_BYTES);
/** Tells a mark from every other. */
export const newNonce = (): string => draw(NONCE_BYTES);
/** Tells who writes, among all that write to a store. */
export const newWriterName = (): string => draw(WRITER_BYTES);
export const WRITER_NAME_LENGTH = (WRITER_BYTES / 3) * 4;

const WELL_FORMED = /^[\x21-\x7e]{1,256}$/;

/** 1 to 256 visible ASCII characters: apps bring their own `genid`. */
export const isWellFormedId = (id: unknown): id is string => typeof id === 'string' && WELL_FORMED.test(id);

import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from 'node:crypto';
import { RecentMap } from '../common/recent-map.js';
import { decodeCookie } from './cookie-header.js';
import { isWellFormedId } from '../common/session-id.js';

/** A secret that signs and verifies cookies: a string, bytes or a secret key object. */
export type Secret = string | Buffer | Uint8Array | KeyObject;

/** Base64 of 32 bytes, without its padding. */
const SIGNATURE_LENGTH = 43;

const expected = Buffer.alloc(SIGNATURE_LENGTH);
const given = Buffer.alloc(SIGNATURE_LENGTH);

/** Whether a value can be a secret. */
export function isSecret(value: unknown): value is Secret {
  if (value instanceof KeyObject) return value.type === 'secret';
  return (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0;
}

/** The bytes of a secret. */
export function secretBytes(secret: Secret): Buffer {
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  return secret instanceof KeyObject ? secret.export() : Buffer.from(secret);
}

/** HMAC-SHA256 in base64 without padding, as in express-session's cookie-signature. */
const signatureOf = (key: KeyObject, id: string): string =>
  createHmac('sha256', key).update(id).digest('base64').slice(0, SIGNATURE_LENGTH);

/** How many verified values are remembered, twice. */
const KEPT_VALUES = 1_000;

/**
 * Signs ids with the first secret; verifies with all of them.
 *
 * Remembers the values that it has verified, as a browser sends the same cookie with each request. A lookup costs a
 * tenth of decoding and hashing. Only valid values are remembered, so many invalid ones remove none. The lookup
 * compares seeded hashes before it compares the text, so its time shows nothing about a guessed value.
 */
export class CookieSigner {
  /** Key objects, made once: `createHmac` is a fifth faster with them than with strings. */
  private readonly keys: readonly KeyObject[];
  private readonly verified = new RecentMap<string>(KEPT_VALUES);

  constructor(secrets: readonly Secret[]) {
    this.keys = secrets.map((secret) => createSecretKey(secretBytes(secret)));
  }

  /** `s:<id>.<signature>`, not yet percent-encoded. */
  sign(id: string): string {
    return `s:${id}.${signatureOf(this.keys[0]!, id)}`;
  }

  /** The id in a cookie's value as the browser sent it; `undefined` if its signature is not valid. */
  read(sent: string): string | undefined {
    const known = this.verified.get(sent);
    if (known !== undefined) return known;
    const id = this.unsign(decodeCookie(sent));
    // Copied, as a slice would keep the whole Cookie header in memory.
    if (id !== undefined) this.verified.set(copyOf(sent), copyOf(id));
    return id;
  }

  /**
   * The id in a decoded cookie value; `undefined` if its signature is not valid. The signature is compared as text and
   * in constant time. If it were decoded, the last two bits of its last character would not count.
   */
  unsign(value: string): string | undefined {
    if (!value.startsWith('s:')) return undefined;
    const dot = value.length - SIGNATURE_LENGTH - 1;
    if (dot < 3 || value[dot] !== '.') return undefined;
    const id = value.slice(2, dot);
    if (!isWellFormedId(id)) return undefined;
    // In utf8 a character over 0x7f has more than one byte, so it can't replace one of base64's.
    if (given.write(value.slice(dot + 1), 'utf8') !== SIGNATURE_LENGTH) return undefined;
    for (const key of this.keys) {
      expected.write(signatureOf(key, id), 'latin1');
      if (timingSafeEqual(given, expected)) return id;
    }
    return undefined;
  }
}

const copyOf = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

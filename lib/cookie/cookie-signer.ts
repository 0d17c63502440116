import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from 'node:crypto';
import { RecentMap } from '../common/recent-map.js';
import { decodeCookie } from './cookie-header.js';
import { isWellFormedId } from '../common/session-id.js';

/** What signs and verifies cookies: text, bytes or a secret key object. */
export type Secret = string | Buffer | Uint8Array | KeyObject;

/** Base64 of 32 bytes, without its padding. */
const SIGNATURE_LENGTH = 43;

const expected = Buffer.alloc(SIGNATURE_LENGTH);
const given = Buffer.alloc(SIGNATURE_LENGTH);

/** The bytes of a secret. */
export function secretBytes(secret: Secret): Buffer {
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  return secret instanceof KeyObject ? secret.export() : Buffer.from(secret);
}

/** HMAC-SHA256 in base64 without padding, as express-session's cookie-signature has it. */
const signatureOf = (key: KeyObject, id: string): string =>
  createHmac('sha256', key).update(id).digest('base64').slice(0, SIGNATURE_LENGTH);

/** How many verified values are kept, twice. */
const KEPT_VALUES = 1_000;

/**
 * Signs ids with the first secret; verifies with all of them.
 *
 * Cookies that were verified are known again as a whole: a visitor sends the same one with each request, and looking it up costs a
 * tenth of decoding and digests. Only good ones are kept, so a flood of bad ones drives none out, and the lookup compares seeded hashes
 * before it compares text, so its time tells nothing about a guess.
 */
export class CookieSigner {
  /** As key objects, which are made once: `createHmac` then takes a fifth less time than with text. */
  private readonly keys: readonly KeyObject[];
  private readonly verified = new RecentMap<string>(KEPT_VALUES);

  constructor(secrets: readonly Secret[]) {
    this.keys = secrets.map((secret) => createSecretKey(secretBytes(secret)));
  }

  /** `s:<id>.<signature>`, not yet percent-encoded. */
  sign(id: string): string {
    return `s:${id}.${signatureOf(this.keys[0]!, id)}`;
  }

  /** The id of a cookie's value as the browser sent it, or `undefined`. */
  read(sent: string): string | undefined {
    const known = this.verified.get(sent);
    if (known !== undefined) return known;
    const id = this.unsign(decodeCookie(sent));
    // Copies: a slice would keep the whole Cookie header alive.
    if (id !== undefined) this.verified.set(copyOf(sent), copyOf(id));
    return id;
  }

  /**
   * The id of a signed value, or `undefined`. The signature is compared as text, whole and in constant time: decoded, two
   * bits of its last letter would count for nothing.
   */
  unsign(value: string): string | undefined {
    if (!value.startsWith('s:')) return undefined;
    const dot = value.length - SIGNATURE_LENGTH - 1;
    if (dot < 3 || value[dot] !== '.') return undefined;
    const id = value.slice(2, dot);
    if (!isWellFormedId(id)) return undefined;
    // utf8: a character over 0x7f takes more than a byte, so it can't stand for one of base64's.
    if (given.write(value.slice(dot + 1), 'utf8') !== SIGNATURE_LENGTH) return undefined;
    for (const key of this.keys) {
      expected.write(signatureOf(key, id), 'latin1');
      if (timingSafeEqual(given, expected)) return id;
    }
    return undefined;
  }
}

const copyOf = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

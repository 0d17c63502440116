import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { type Secret, secretBytes } from '../cookie/cookie-signer.js';
import type { Encryption } from '../options/encryption-option.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import { encodeMetadata } from './metadata-codec.js';
import type { SessionMetadata } from './session-metadata.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** `iv + tag + ciphertext`, base64url. AES-256-GCM with a fresh random IV each time. */
export function seal(key: Buffer, text: string, context: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
}

/** The text, or `undefined` where key or context are others, or a bit was changed. */
export function unseal(key: Buffer, sealed: string, context: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES));
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    // Not ours: the caller treats it as unreadable, with an event.
    return undefined;
  }
}

/** A key for one purpose, derived from a secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(secret: Secret, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretBytes(secret), Buffer.alloc(0), `nestjs-keycard ${purpose}`, 32));
}

/** The key under which the way forward from an old id is kept: only who holds the id can read it. */
export const wayForwardKey = (id: string): Buffer =>
  createHash('sha256').update(`nestjs-keycard way forward ${id}`).digest();

/** Encrypts the text of records. What the store has to know stays outside: end, version, a keyed hash of the principal. */
export class RecordCipher {
  private readonly keys: readonly Buffer[];
  private readonly principalKeys: readonly Buffer[];
  private readonly readPlain: boolean;

  constructor(encryption: Encryption) {
    const keys = (Array.isArray(encryption.key) ? encryption.key : [encryption.key]) as readonly Secret[];
    this.keys = keys.map((key) => deriveKey(key, 'record'));
    this.principalKeys = keys.map((key) => deriveKey(key, 'principal'));
    this.readPlain = encryption.readPlain ?? false;
  }

  /** Under which names a principal's sessions may be listed, today's first; his own where plain records are let in. */
  principalNames(principal: string): readonly string[] {
    const names = this.principalKeys.map((key) =>
      createHmac('sha256', key).update(principal).digest('base64url').slice(0, 32),
    );
    return this.readPlain ? [...names, principal] : names;
  }

  /** A record that stores take as any other. The storage key is authenticated with it, so records can't be swapped. */
  encrypt(storageKey: string, text: string, metadata: SessionMetadata, cookie: string): string {
    const { createdAt, seenAt, expiresAt, principal } = metadata;
    const name = principal === undefined ? undefined : this.principalNames(principal)[0];
    const outside = encodeMetadata({ createdAt, seenAt, expiresAt, handle: '', nonce: '', principal: name });
    // Last, where `decrypt` looks for it.
    const sealed = `"z":"${seal(this.keys[0]!, text, storageKey)}"`;
    return `{"cookie":${cookie},"${METADATA_KEY}":${outside.slice(0, -1)},${sealed}}}`;
  }

  /** The text within; `undefined`: not to be read. A plain record is given as it is where `readPlain` lets it in. */
  decrypt(storageKey: string, text: string): string | undefined {
    const start = text.lastIndexOf('"z":"');
    const sealed =
      start === -1 || text.lastIndexOf(`,"${METADATA_KEY}":{`, start) === -1
        ? undefined
        : /^[A-Za-z0-9_-]+(?="\}\}$)/.exec(text.slice(start + 5))?.[0];
    if (sealed === undefined) return this.readPlain ? text : undefined;
    for (const key of this.keys) {
      const plain = unseal(key, sealed, storageKey);
      if (plain !== undefined) return plain;
    }
    return undefined;
  }
}

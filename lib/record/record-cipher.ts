import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { type Secret, secretBytes } from '../cookie/cookie-signer.js';
import type { Encryption } from '../options/encryption-option.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import { encodeMetadata } from './metadata-codec.js';
import type { SessionMetadata } from './session-metadata.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts text by AES-256-GCM with a new random IV. The result is `iv + tag + ciphertext`, base64url. */
export function encryptText(key: Buffer, text: string, context: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
}

/** The text; `undefined` if the key or the context is another one, or the ciphertext was changed. */
export function decryptText(key: Buffer, encrypted: string, context: string): string | undefined {
  const bytes = Buffer.from(encrypted, 'base64url');
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES));
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    // The caller treats the record as unreadable, and emits an event.
    return undefined;
  }
}

/** Derives a key for one purpose from a secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(secret: Secret, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretBytes(secret), Buffer.alloc(0), `nestjs-keycard ${purpose}`, 32));
}

/**
 * The key that encrypts the new id in the record of an old id. It is derived from the old id, so only a client that has
 * the old id can decrypt the new one.
 */
export const successorKey = (id: string): Buffer =>
  createHash('sha256').update(`nestjs-keycard way forward ${id}`).digest();

/**
 * Encrypts the text of records. What the store needs stays readable: expiry, version and a keyed hash of the principal.
 */
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

  /**
   * The names under which a principal's sessions may be listed, the current one first. With `readPlain` the plain name
   * is one of them.
   */
  principalNames(principal: string): readonly string[] {
    const names = this.principalKeys.map((key) =>
      createHmac('sha256', key).update(principal).digest('base64url').slice(0, 32),
    );
    return this.readPlain ? [...names, principal] : names;
  }

  /**
   * Encrypts a record's text. The result is a record that stores treat like any other. The store's key is authenticated
   * too, so records can't be exchanged.
   */
  encrypt(storageKey: string, text: string, metadata: SessionMetadata, cookie: string): string {
    const { createdAt, seenAt, expiresAt, principal } = metadata;
    const name = principal === undefined ? undefined : this.principalNames(principal)[0];
    const outside = encodeMetadata({ createdAt, seenAt, expiresAt, handle: '', nonce: '', principal: name });
    // The last property, where `decrypt` looks for it.
    const encrypted = `"z":"${encryptText(this.keys[0]!, text, storageKey)}"`;
    return `{"cookie":${cookie},"${METADATA_KEY}":${outside.slice(0, -1)},${encrypted}}}`;
  }

  /**
   * The decrypted text; `undefined`: it can't be decrypted. With `readPlain`, an unencrypted record is returned as it
   * is.
   */
  decrypt(storageKey: string, text: string): string | undefined {
    const start = text.lastIndexOf('"z":"');
    const encrypted =
      start === -1 || text.lastIndexOf(`,"${METADATA_KEY}":{`, start) === -1
        ? undefined
        : /^[A-Za-z0-9_-]+(?="\}\}$)/.exec(text.slice(start + 5))?.[0];
    if (encrypted === undefined) return this.readPlain ? text : undefined;
    for (const key of this.keys) {
      const plain = decryptText(key, encrypted, storageKey);
      if (plain !== undefined) return plain;
    }
    return undefined;
  }
}

import { isSecret, type Secret, secretBytes } from '../cookie/cookie-signer.js';
import { show } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import { unknownName } from '../common/option-rules.js';

/** Encryption of records at rest. */
export interface Encryption {
  /** One or more keys of at least 32 bytes: the first encrypts, all decrypt. */
  readonly key: Secret | readonly Secret[];
  /**
   * Whether records that were written before encryption was turned on can be read.
   *
   * @defaultValue `false`
   */
  readonly readPlain?: boolean | undefined;
}

const NAMES = ['key', 'readPlain'] satisfies (keyof Encryption)[];
const SHORTEST_KEY_BYTES = 32;

/** @throws SessionOptionsError, which never contains a key. */
export function checkEncryption(value: unknown): Encryption {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(
      'encryption',
      typeof value === 'string' ? 'text' : show(value),
      `an object with a "key" of at least ${SHORTEST_KEY_BYTES} bytes`,
    );
  const unknown = unknownName(value, NAMES);
  if (unknown !== undefined)
    throw new SessionOptionsError(
      `"encryption.${unknown.name}" is no option; the options are ${NAMES.join(', ')}.${unknown.question}`,
    );
  const { key, readPlain } = value as { key?: unknown; readPlain?: unknown };
  const keys: unknown[] = Array.isArray(key) ? key : [key];
  const unusable = keys.length === 0 ? 'an empty array' : keys.map(faultOf).find((fault) => fault !== undefined);
  if (unusable !== undefined)
    throw wrong('encryption.key', unusable, `a key of at least ${SHORTEST_KEY_BYTES} bytes, or an array of them`);
  if (readPlain !== undefined && typeof readPlain !== 'boolean')
    throw wrong('encryption.readPlain', show(readPlain), 'true or false');
  return value as Encryption;
}

function faultOf(key: unknown): string | undefined {
  if (key !== '' && !isSecret(key)) return show(key);
  const { length } = secretBytes(key);
  return length < SHORTEST_KEY_BYTES ? `one of ${length} bytes` : undefined;
}

const wrong = (option: string, got: string, takes: string): SessionOptionsError =>
  new SessionOptionsError(`"${option}" got ${got}; it takes ${takes}.`);

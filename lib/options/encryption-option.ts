import { type Secret, secretBytes } from '../cookie/cookie-signer.js';
import { show } from '../common/duration.js';
import { didYouMean } from '../common/did-you-mean.js';
import { SessionOptionsError } from '../common/errors.js';

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

/** Checks the option. */
export function checkEncryption(value: Encryption | undefined): Encryption | undefined {
  if (value === undefined) return undefined;
  const strange = Object.keys(value ?? {}).find((name) => name !== 'key' && name !== 'readPlain');
  if (strange !== undefined)
    throw new SessionOptionsError(
      `"encryption.${strange}" is no option; the options are key, readPlain.${didYouMean(strange, ['key', 'readPlain'])}`,
    );
  const keys = (Array.isArray(value?.key) ? value.key : [value?.key]) as unknown[];
  if (
    keys.length === 0 ||
    keys.some((key) => key === undefined || key === null || secretBytes(key as Secret).length < 32)
  ) {
    throw new SessionOptionsError(
      `"encryption.key" got ${show(value?.key === undefined ? undefined : 'less than it takes')}; it takes a key of at least 32 bytes, or an array of them.`,
    );
  }
  return value;
}

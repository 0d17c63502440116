import { show } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import { isSecret, type Secret, secretBytes } from '../cookie/cookie-signer.js';
import type { SessionLogger, SessionOptions } from './options.js';

const SHORTEST_SECRET_BYTES = 32;

/**
 * The secrets that our documentation shows, or has shown. Never remove one. A test compares the list with the
 * documentation.
 */
const PUBLIC_SECRETS: ReadonlySet<string> = new Set([
  'a secret of at least thirty-two bytes',
  'a secret that is only for the tests',
  'at least thirty-two bytes of it',
  'only for trying it out: 32 bytes',
]);

/**
 * Checks the secrets.
 *
 * @throws SessionOptionsError
 */
export function secretsOf(
  options: SessionOptions,
  strict: boolean,
  logger: SessionLogger,
  anyLength: boolean,
): readonly Secret[] {
  const list = Array.isArray(options.secret) ? [...(options.secret as readonly Secret[])] : [options.secret as Secret];
  if (options.secret === undefined || options.secret === null || options.secret === '') {
    throw new SessionOptionsError(
      '"secret" got nothing; it takes text of at least 32 bytes, such as the output of `openssl rand -base64 32`, or an array of them.',
    );
  }
  if (list.length === 0)
    throw new SessionOptionsError(
      '"secret" got an empty array; it takes at least one secret, the first of which signs.',
    );
  for (const secret of list) {
    if (!isSecret(secret)) {
      throw new SessionOptionsError(
        `"secret" got ${typeof secret === 'string' ? 'an empty text' : show(secret)}; each secret is text, a Buffer or a secret KeyObject.`,
      );
    }
    if (strict && PUBLIC_SECRETS.has(secretBytes(secret).toString())) {
      throw new SessionOptionsError(
        '"secret" got one from this library\'s documentation, so anybody can sign cookies with it; in production use a secret of your own, such as the output of `openssl rand -base64 32`.',
      );
    }
    const bytes = secretBytes(secret).length;
    if (bytes >= SHORTEST_SECRET_BYTES || options.allowShortSecret || anyLength) continue;
    const message = `"secret" got one of ${bytes} bytes; it takes at least ${SHORTEST_SECRET_BYTES}`;
    if (strict)
      throw new SessionOptionsError(
        `${message}; if the app has to keep its present secret, set "allowShortSecret": true.`,
      );
    logger.warn(`${message}. This is an error in production, unless "allowShortSecret" is set.`);
  }
  return list;
}

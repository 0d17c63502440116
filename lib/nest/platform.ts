import { ServerResponse } from 'node:http';
import { SessionStateError } from '../common/errors.js';

/** What a response has to have, so that it can wait for its session and carry a cookie. */
const NEEDED = ['writeHead', 'write', 'end', 'setHeader', 'getHeader', 'hasHeader', 'removeHeader', 'getHeaderNames'];

/** Those of the needed functions that responses don't have. */
export function missingIn(response: object): string[] {
  return NEEDED.filter((name) => typeof Reflect.get(response, name) !== 'function').map((name) => `${name}()`);
}

/**
 * Says at the start of the app what its platform can't do, before a request loses its session for it.
 *
 * @throws SessionStateError in one sentence.
 */
export function checkPlatform(adapter: object | null | undefined, isMounted: boolean): void {
  const missing = missingIn(ServerResponse.prototype);
  if (missing.length > 0) {
    throw new SessionStateError(
      'UNSUPPORTED',
      `Sessions don't work on this runtime, as its responses have no ${missing.join(', no ')}: run the app on a version of Node that "engines" of nestjs-keycard names, or on Bun or Deno.`,
    );
  }
  // An application context has no adapter, and one under test an adapter without a server of any type.
  const type = (adapter as { getType?(): string } | null | undefined)?.getType?.();
  if (isMounted || !type) return;
  throw new SessionStateError(
    'UNSUPPORTED',
    `Sessions don't work on the HTTP adapter ${adapter!.constructor.name} (type "${type}"), as it has no use() for a middleware or no instance: use the adapter of @nestjs/platform-express or @nestjs/platform-fastify.`,
  );
}

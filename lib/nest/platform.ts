import { type Server, ServerResponse } from 'node:http';
import { SessionStateError } from '../common/errors.js';
import { defineEarly } from '../transports/http/lifecycle.js';

/** The functions that a response needs to wait for its session and to set a cookie. */
const NEEDED = ['writeHead', 'write', 'end', 'setHeader', 'getHeader', 'hasHeader', 'removeHeader', 'getHeaderNames'];

/** The needed functions that a response lacks. */
export function missingIn(response: object): string[] {
  return NEEDED.filter((name) => typeof Reflect.get(response, name) !== 'function').map((name) => `${name}()`);
}

/**
 * Fails at start if the platform lacks something, and not later at a request.
 *
 * @throws SessionStateError that says what is missing.
 */
export function checkPlatform(adapter: object | null | undefined, isMounted: boolean): void {
  const missing = missingIn(ServerResponse.prototype);
  if (missing.length > 0) {
    throw new SessionStateError(
      'UNSUPPORTED',
      `Sessions don't work on this runtime, as its responses have no ${missing.join(', no ')}. Run the app on a version of Node that "engines" of nestjs-keycard allows, or on Bun or Deno.`,
    );
  }
  // An application context has no adapter. Under test the adapter may have no server, and no type.
  const type = (adapter as { getType?(): string } | null | undefined)?.getType?.();
  if (isMounted || !type) return;
  throw new SessionStateError(
    'UNSUPPORTED',
    `Sessions don't work on the HTTP adapter ${adapter!.constructor.name} (type "${type}"), as it has no use() for a middleware or no instance. Use the adapter of @nestjs/platform-express or @nestjs/platform-fastify.`,
  );
}

/**
 * Only Express sets prototypes. A server that isn't Nest's own works too, but its sessions cost more on Node 20 and 22.
 *
 * @returns a function that undoes it.
 */
export function prepareServer(adapter: object | null | undefined): (() => void) | undefined {
  const { getType, getHttpServer } = (adapter ?? {}) as { getType?(): string; getHttpServer?(): Server | undefined };
  if (getType?.call(adapter) !== 'express') return undefined;
  const server = getHttpServer?.call(adapter);
  return typeof server?.prependListener === 'function' ? defineEarly(server) : undefined;
}

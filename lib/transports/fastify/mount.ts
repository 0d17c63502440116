import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionLogger } from '../../options/options.js';

type Next = (error?: unknown) => void;
/** A middleware function as Nest's adapters take it. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** What is used of Nest's Fastify adapter. */
interface FastifyAdapter {
  use(middleware: unknown): unknown;
  getInstance(): unknown;
}

/** What is used of a Fastify instance. */
interface FastifyInstance {
  readonly use?: unknown;
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply, done: Next) => void): unknown;
  hasRequestDecorator(name: string): boolean;
  decorateRequest: (name: string, ...rest: unknown[]) => unknown;
}

interface FastifyRequest {
  readonly raw: IncomingMessage & { originalUrl?: string; protocol?: string; ip?: string };
  readonly protocol: string;
  readonly ip: string;
}

interface FastifyReply {
  readonly raw: ServerResponse;
}

type Raw = IncomingMessage & Record<string, unknown>;

const OTHER_SESSION =
  'Another plugin (such as @fastify/session) defines "session" on Fastify\'s requests. So request.session is its session, not that of nestjs-keycard, which @Session() returns. Register only one of them.';

export function isFastify(adapter: unknown): boolean {
  return (adapter as { getType?(): unknown } | undefined)?.getType?.() === 'fastify';
}

/** Mounts the middleware before the app's own. With `skipMiddie` the adapter has no `use()`, so a hook is used. */
export function mountOnFastify(adapter: FastifyAdapter, middleware: Middleware, logger: SessionLogger): void {
  const instance = adapter.getInstance() as FastifyInstance;
  giveSession(instance, logger);
  try {
    adapter.use(middleware);
  } catch (error) {
    if (typeof instance.use === 'function') throw error;
    instance.addHook('onRequest', (request, reply, done) => {
      const { raw, ip, protocol } = request;
      // The properties that middie adds.
      Object.assign(raw, { originalUrl: raw.originalUrl ?? raw.url, ip, protocol });
      middleware(raw, reply.raw, done);
    });
  }
}

/**
 * Defines `request.session` and `request.sessionID` on Fastify's own request, for handlers, hooks and plugins. If
 * another plugin defines `session`, its definition stays, and a warning is logged.
 */
function giveSession(instance: FastifyInstance, logger: SessionLogger): void {
  if (!instance.hasRequestDecorator('sessionID')) decorate(instance, 'sessionID', () => false);
  if (instance.hasRequestDecorator('session')) {
    logger.warn(OTHER_SESSION);
    return;
  }
  let hasOther = false;
  decorate(instance, 'session', (value) => hasOther && typeof value === 'object' && value !== null);
  const { decorateRequest } = instance;
  instance.decorateRequest = function decorateUnlessSession(this: FastifyInstance, name, ...rest) {
    if (name !== 'session') return decorateRequest.call(this, name, ...rest);
    hasOther = true;
    logger.warn(OTHER_SESSION);
    return this;
  };
}

function decorate(instance: FastifyInstance, name: string, isOther: (value: unknown) => boolean): void {
  instance.decorateRequest(name, {
    getter(this: FastifyRequest) {
      return (this.raw as Raw)[name];
    },
    setter(this: FastifyRequest, value: unknown) {
      if (isOther(value))
        Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
      else (this.raw as Raw)[name] = value;
    },
  });
}

/** Node's request behind Fastify's; any other request as it is. */
export function rawRequest<T extends object>(request: T): T {
  const { raw } = request as { raw?: unknown };
  return typeof raw === 'object' && raw !== null && 'headers' in raw ? (raw as T) : request;
}

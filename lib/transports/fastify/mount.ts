import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionLogger } from '../../options/options.js';

type Next = (error?: unknown) => void;
/** A middleware of the kind that Nest's adapters take. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** What is asked of Nest's Fastify adapter. */
interface FastifyAdapter {
  use(middleware: unknown): unknown;
  getInstance(): unknown;
}

/** What is asked of a Fastify instance. */
interface FastifyInstance {
  readonly use?: unknown;
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply, done: Next) => void): unknown;
  register(plugin: (instance: FastifyInstance) => Promise<void>): unknown;
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, descriptor: { getter(): unknown; setter(value: unknown): void }): unknown;
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

export function isFastify(adapter: unknown): boolean {
  return (adapter as { getType?(): unknown } | undefined)?.getType?.() === 'fastify';
}

/** Mounts the middleware before those of the app. `skipMiddie` leaves the adapter without `use()`: a hook does it then. */
export function mountOnFastify(adapter: FastifyAdapter, middleware: Middleware): void {
  const instance = adapter.getInstance() as FastifyInstance;
  try {
    adapter.use(middleware);
  } catch (error) {
    if (typeof instance.use === 'function') throw error;
    instance.addHook('onRequest', (request, reply, done) => {
      const { raw, ip, protocol } = request;
      // What middie puts there.
      Object.assign(raw, { originalUrl: raw.originalUrl ?? raw.url, ip, protocol });
      middleware(raw, reply.raw, done);
    });
  }
}

/**
 * Lets handlers and hooks read `request.session` and `request.sessionID` of Fastify's own request. To be called when the app has
 * registered its plugins, so that another `session` is seen, and said.
 */
export function decorateFastify(adapter: FastifyAdapter, logger: SessionLogger): void {
  async function keycard(instance: FastifyInstance): Promise<void> {
    if (instance.hasRequestDecorator('session')) {
      logger.warn(
        'Another plugin (such as @fastify/session) has put "session" on Fastify\'s requests: request.session is its session and not that of nestjs-keycard, which @Session() gives. Register only one of them.',
      );
      return;
    }
    for (const name of ['session', 'sessionID']) {
      if (instance.hasRequestDecorator(name)) continue;
      instance.decorateRequest(name, {
        getter(this: FastifyRequest) {
          return (this.raw as Raw)[name];
        },
        setter(this: FastifyRequest, value: unknown) {
          (this.raw as Raw)[name] = value;
        },
      });
    }
  }
  // On the root instance and not in a context of its own, as fastify-plugin does it.
  Object.assign(keycard, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'nestjs-keycard',
  });
  (adapter.getInstance() as FastifyInstance).register(keycard);
}

/** Node's request behind Fastify's; any other as it is. */
export function rawRequest<T extends object>(request: T): T {
  const { raw } = request as { raw?: unknown };
  return typeof raw === 'object' && raw !== null && 'headers' in raw ? (raw as T) : request;
}

import type { Response } from 'express';
import type { FastifyReply } from 'fastify';

/** What Fastify's reply does itself; the rest is Node's response. */
const OWN = new Set(['send', 'type']);

/** A Fastify reply as a script for Express uses it; Express's own response as it is. */
export function expressLike(response: Response): Response {
  const reply = response as unknown as FastifyReply;
  if (reply.raw === undefined) return response;
  const like: unknown = new Proxy(reply.raw, {
    get(raw, name) {
      if (name === 'json') return (body: unknown) => reply.send(body);
      // Nest has set 200 by now, which a reply's own redirect() would keep.
      if (name === 'redirect') return (url: string) => reply.redirect(url, 302);
      if (name === 'status') {
        return (code: number) => {
          reply.code(code);
          return like;
        };
      }
      const from = OWN.has(String(name)) ? reply : raw;
      const value = Reflect.get(from, name, from) as unknown;
      return typeof value === 'function' ? (value.bind(from) as unknown) : value;
    },
    set: (raw, name, value) => Reflect.set(raw, name, value),
  });
  return like as Response;
}

/** Node's request behind the framework's: where `session` is an own property, that can be deleted. */
export function nodeRequest(request: object): { session?: unknown } {
  return ((request as { raw?: object }).raw ?? request) as { session?: unknown };
}

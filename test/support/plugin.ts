import type { FastifyPluginAsync } from 'fastify';

/** A Fastify plugin by the name of its package. */
export async function plugin(name: string): Promise<FastifyPluginAsync<Record<string, unknown>>> {
  return ((await import(name)) as { default: FastifyPluginAsync<Record<string, unknown>> }).default;
}

import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { createHmac } from 'node:crypto';
import { SessionModule, type SessionModuleOptions } from 'nestjs-keycard';
import { newAdapter } from './adapters.js';

export const SECRET = 'a secret of at least thirty-two bytes';

/** The value of the session cookie for an id, as express-session signs it, not yet percent-encoded. */
export const signed = (id: string, secret = SECRET): string =>
  `s:${id}.${createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')}`;

export interface TestApp {
  readonly app: INestApplication;
  readonly url: string;
  close(): Promise<void>;
}

/** A Nest app with sessions, listening on a free port of the loopback. */
export async function startApp(
  controllers: Type[],
  options: Partial<SessionModuleOptions> = {},
  extra: {
    imports?: ModuleMetadata['imports'];
    providers?: ModuleMetadata['providers'];
    before?: (app: INestApplication) => unknown;
    adapter?: AbstractHttpAdapter;
  } = {},
): Promise<TestApp> {
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ secret: SECRET, ...options }), ...(extra.imports ?? [])],
    controllers,
    providers: extra.providers ?? [],
  }).compile();
  const app = testing.createNestApplication(extra.adapter ?? newAdapter(), { logger: false });
  await extra.before?.(app);
  await app.listen(0, '127.0.0.1');
  app.enableShutdownHooks();
  return {
    app,
    url: `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`,
    close: () => app.close(),
  };
}

/** A browser's memory for cookies, as far as a test needs one. */
export class Jar {
  readonly cookies = new Map<string, string>();
  /** The Set-Cookie headers of the last answer. */
  last: string[] = [];

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (cookie !== '' && !headers.has('cookie')) headers.set('cookie', cookie);
    const response = await fetch(url, { redirect: 'manual', ...init, headers });
    this.take(response);
    return response;
  }

  take(response: Response): void {
    this.last = response.headers.getSetCookie();
    for (const line of this.last) {
      const [pair = '', ...attributes] = line.split('; ');
      const name = pair.slice(0, pair.indexOf('='));
      const expires = attributes.find((each) => each.startsWith('Expires='))?.slice(8);
      if (expires !== undefined && Date.parse(expires) <= Date.now()) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(name.length + 1));
    }
  }

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

export const post = (body?: unknown): RequestInit => ({
  method: 'POST',
  ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
});

import { afterEach, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CookieOptions, MemoryStore, type SessionModuleOptions, SessionOptionsError } from 'nestjs-keycard';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { type AnySession, scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

interface SetCookieVector {
  readonly description: string;
  readonly options: {
    readonly key?: string;
    readonly name?: string;
    readonly secret?: string | string[];
    readonly proxy?: boolean;
    readonly cookie?: Record<string, unknown>;
  };
  readonly request: { readonly https: boolean; readonly path: string };
  readonly sid: string;
  readonly earlierSetCookie?: string[];
  readonly setCookie: string[] | null;
  readonly error: string | null;
}
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../..', 'vectors', 'cookie.json'), 'utf8')) as {
  signature: { secret: string; sid: string };
  incomingCookie: {
    vectors: { description: string; cookieHeader: string; secrets: string[]; sidAskedOfStore: string | null }[];
  };
  setCookie: { vectors: SetCookieVector[] };
};
const FROZEN = Date.UTC(2026, 0, 1);

/** Where we differ on purpose: what the peer does, and what is done here. */
const DEFECTS: Record<string, string> = {
  'key (old alias of name)': 'an old alias, refused by name at bootstrap here; nestjs-keycard/express takes it',
  'sameSite "none"': 'browsers refuse it without Secure, so it fails at bootstrap here',
  'path is a string prefix, not a path segment (/administrator matches /admin)':
    'a defect there: RFC 6265bis 5.1.4 compares segments, so no session and no cookie here',
  'expires invalid Date: cookie is not set, error goes to next()':
    'found at the first request there, at bootstrap here',
  'priority bogus': 'found at the first request there, at bootstrap here',
  'invalid name: cookie is not set, error goes to next()': 'found at the first request there, at bootstrap here',
  'secure true, plain http: no cookie at all': 'the same here, and a warning says why',
};
const FAILS: Record<string, RegExp> = {
  'key (old alias of name)': /"key"/,
  'sameSite "none"': /"cookie\.sameSite" got 'none' without "cookie\.secure"/,
  'expires invalid Date: cookie is not set, error goes to next()': /"cookie\.expires" got an invalid Date/,
  'priority bogus': /"cookie\.priority" got "bogus"; it takes 'low', 'medium', 'high'/,
  'invalid name: cookie is not set, error goes to next()': /"name" got "a b"/,
};

/** express-session's defaults, spelled out in our options. */
function optionsOf(vector: SetCookieVector): Partial<SessionModuleOptions> {
  const { secret = vectors.signature.secret, cookie: { expires, ...attributes } = {}, ...rest } = vector.options;
  const cookie = {
    secure: false,
    sameSite: false,
    ...attributes,
    ...(expires === undefined ? {} : { expires: new Date(expires as string) }),
  } as CookieOptions;
  return {
    name: 'connect.sid',
    secret,
    allowShortSecret: true,
    genid: () => vector.sid,
    clock: new TestClock(FROZEN),
    cookie,
    ...rest,
  } as Partial<SessionModuleOptions>;
}

describe('cookies as express-session writes them', () => {
  let server: TestApp | undefined;
  afterEach(() => server?.close().then(() => (server = undefined)));

  it('signature', () => {
    const { secret, sid } = vectors.signature;
    const expected = /connect\.sid=([^;]+)/.exec(vectors.setCookie.vectors[0]!.setCookie![0]!)![1]!;
    expect(encodeURIComponent(new CookieSigner([secret]).sign(sid))).toBe(expected);
  });

  it.each(
    vectors.setCookie.vectors.map(
      (vector) =>
        [
          DEFECTS[vector.description] === undefined
            ? vector.description
            : `${vector.description} (${DEFECTS[vector.description]})`,
          vector,
        ] as const,
    ),
  )('Set-Cookie: %s', async (_, vector) => {
    const controller = scripted({});
    const before = (app: { use: (fn: unknown) => unknown }): unknown =>
      app.use((req: { session?: AnySession }, res: { setHeader(name: string, value: string[]): void; end(): void }) => {
        if (vector.earlierSetCookie !== undefined) res.setHeader('Set-Cookie', vector.earlierSetCookie);
        const { session } = req;
        if (session !== undefined && vector.description !== 'saveUninitialized false, session untouched') session.a = 1;
        if (vector.description.startsWith('handler changes')) {
          session!.cookie.maxAge = 3_600_000;
          session!.cookie.httpOnly = false;
        }
        res.end();
      });
    const starting = startApp([controller], optionsOf(vector), { before: before as never });
    const failure = FAILS[vector.description];
    if (failure !== undefined) {
      await expect(starting).rejects.toThrow(failure);
      await expect(starting).rejects.toBeInstanceOf(SessionOptionsError);
      return;
    }
    server = await starting;
    const headers: Record<string, string> = vector.request.https ? { 'x-forwarded-proto': 'https' } : {};
    const response = await fetch(`${server.url}${vector.request.path}`, { headers });
    const isPrefixOnly = vector.description.startsWith('path is a string prefix');
    expect(response.headers.getSetCookie()).toEqual(isPrefixOnly ? [] : (vector.setCookie ?? []));
  });

  it.each(vectors.incomingCookie.vectors.map((vector) => [vector.description, vector] as const))(
    'Cookie: %s',
    async (_, vector) => {
      const store = new ObservedStore(new MemoryStore());
      server = await startApp([scripted({ read: () => 'ok' })], {
        name: 'connect.sid',
        secret: vector.secrets,
        allowShortSecret: true,
        store,
      });
      store.forget();
      const response = await fetch(`${server.url}/s/read`, { headers: { cookie: vector.cookieHeader } });
      expect(response.status).toBe(200);
      expect(store.calls.map((call) => [call.method, call.id])).toEqual(
        vector.sidAskedOfStore === null ? [] : [['load', vector.sidAskedOfStore]],
      );
    },
  );
});

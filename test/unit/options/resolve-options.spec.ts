import { afterEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { SessionOptionsError } from '../../../lib/common/errors.js';
import type { SessionOptions } from '../../../lib/options/options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';

const secret = 'a secret of at least thirty-two bytes';
const DAY = 86_400_000;
type Loose = Record<string, unknown>;

const resolve = (options: Loose, production = false) =>
  resolveOptions({ secret, ...options } as unknown as SessionOptions, { production });

/** The option that the sentence must name, what is given, and what the sentence must say. */
const WRONG: [string, Loose, RegExp][] = [
  ['secret', { secret: undefined }, /got nothing; it takes text of at least 32 bytes/],
  ['secret', { secret: '' }, /got nothing/],
  ['secret', { secret: [] }, /got an empty array; it takes at least one/],
  ['secret', { secret: [secret, ''] }, /got an empty text/],
  ['secret', { secret: 42 }, /got 42/],
  ['secret', { secret: [secret, undefined] }, /got nothing/],
  ['secret', { secret: generateKeyPairSync('ed25519').privateKey }, /secret KeyObject/],
  ['secret', { secret: Buffer.alloc(0) }, /each secret is text/],
  ['name', { name: 'a b' }, /got "a b"/],
  ['name', { name: '' }, /got ""/],
  ['name', { name: 'sid;' }, /got "sid;"/],
  ['name', { name: 7 }, /got 7/],
  [
    'name',
    { name: '__Host-sid', cookie: { secure: true, domain: 'example.com' } },
    /prefix forbids "cookie.domain" \(it is "example.com"\)/,
  ],
  ['name', { name: '__Host-sid', cookie: { secure: true, path: '/admin' } }, /prefix requires "cookie.path": '\/'/],
  ['name', { name: '__Host-sid' }, /prefix requires "cookie.secure": true/],
  ['name', { name: '__Secure-sid', cookie: { secure: false } }, /prefix requires "cookie.secure": true/],
  ['cookie', { cookie: 'yes' }, /got "yes"; it takes an object/],
  ['cookie', { cookie: null }, /it takes an object/],
  ['cookie.maxage', { cookie: { maxage: 1 } }, /is no cookie attribute; they are domain/],
  [
    'cookie.maxAge',
    { cookie: { maxAge: 'a day' } },
    /got "a day"; it takes a positive number of ms or text such as '90s'/,
  ],
  ['cookie.maxAge', { cookie: { maxAge: 0 } }, /got 0/],
  ['cookie.maxAge', { cookie: { maxAge: -1 } }, /got -1/],
  ['cookie.maxAge', { cookie: { maxAge: Number.NaN } }, /got NaN/],
  ['cookie.maxAge', { cookie: { maxAge: '11000d' } }, /at most ten years/],
  ['cookie.expires', { cookie: { expires: 'tomorrow' } }, /it takes a Date/],
  ['cookie.expires', { cookie: { expires: new Date(Number.NaN) } }, /invalid Date/],
  ['cookie.sameSite', { cookie: { sameSite: 'loose' } }, /got "loose"; it takes 'lax', 'strict', 'none'/],
  ['cookie.sameSite', { cookie: { sameSite: 'none', secure: false } }, /got 'none' without "cookie.secure"/],
  ['cookie.secure', { cookie: { secure: 'yes' } }, /got "yes"; it takes true, false or 'auto'/],
  ['cookie.httpOnly', { cookie: { httpOnly: 'false' } }, /got "false"; it takes true or false/],
  ['cookie.partitioned', { cookie: { partitioned: 1, secure: true } }, /got 1; it takes true or false/],
  ['cookie.domain', { cookie: { domain: 'exa mple.com' } }, /it takes a host name/],
  ['cookie.domain', { cookie: { domain: 42 } }, /got 42; it takes a host name/],
  ['cookie.domain', { cookie: { domain: 'example.com; Secure' } }, /it takes a host name/],
  ['cookie.path', { cookie: { path: '/;x' } }, /it takes a path/],
  ['cookie.path', { cookie: { path: 42 } }, /got 42; it takes a path/],
  ['cookie.priority', { cookie: { priority: 'urgent' } }, /got "urgent"/],
  ['cookie.partitioned', { cookie: { partitioned: true, secure: false } }, /without "cookie.secure"/],
  ['idleTimeout', { idleTimeout: 'soon' }, /got "soon"/],
  ['idleTimeout', { idleTimeout: Number.POSITIVE_INFINITY }, /at most ten years/],
  ['idleTimeout', { idleTimeout: '2d', absoluteTimeout: '1d' }, /longer than "absoluteTimeout" \("1d"\)/],
  ['absoluteTimeout', { absoluteTimeout: true }, /got true/],
  ['absoluteTimeout', { absoluteTimeout: '-1d' }, /got "-1d"/],
  ['renewAfter', { renewAfter: '10 parsecs' }, /got "10 parsecs"/],
  ['renewGrace', { renewGrace: 0 }, /got 0/],
  ['touchInterval', { touchInterval: 'often' }, /got "often"/],
  ['storeTimeout', { storeTimeout: null }, /storeTimeout/],
  ['storeTimeout', { storeTimeout: '0s' }, /got "0s"/],
  ['maxRecordBytes', { maxRecordBytes: '1mb' }, /it takes a whole number above 0/],
  ['maxRecordBytes', { maxRecordBytes: 1.5 }, /got 1.5/],
  ['rolling', { rolling: 'yes' }, /it takes true or false/],
  ['saveUninitialized', { saveUninitialized: 1 }, /it takes true or false/],
  ['resave', { resave: 'false' }, /it takes true or false/],
  ['unset', { unset: 'drop' }, /it takes 'keep' or 'destroy'/],
  ['genid', { genid: 'uuid' }, /it takes a function/],
  ['proxy', { proxy: 'yes' }, /it takes true or false/],
  ['load', { load: 'late' }, /it takes 'eager' or 'lazy'/],
  ['onStoreError', { onStoreError: 'ignore' }, /it takes 'fail' or 'anonymous'/],
  ['onConflict', { onConflict: 'ours' }, /it takes 'mine' or 'theirs'/],
  ['principalOf', { principalOf: 'user.id' }, /it takes a function/],
  ['isAuthenticated', { isAuthenticated: true }, /it takes a function/],
  ['maxSessionsPerPrincipal', { maxSessionsPerPrincipal: 0 }, /above 0/],
  ['onTooMany', { onTooMany: 'deny' }, /it takes 'evict-oldest' or 'reject'/],
  ['device', { device: 'ip' }, /it takes true or false/],
  ['schema', { schema: { type: 'object' } }, /it takes a Standard Schema/],
  ['schemaVersion', { schemaVersion: 'two' }, /schemaVersion/],
  ['migrate', { migrate: {} }, /it takes a function/],
  ['hashIds', { hashIds: 'sha256' }, /it takes true or false/],
  ['encryption', { encryption: true }, /got true; it takes an object with a "key" of at least 32 bytes/],
  ['encryption', { encryption: 'k'.repeat(32) }, /got text; it takes an object with a "key"/],
  ['encryption', { encryption: ['k'.repeat(32)] }, /got an array; it takes an object with a "key"/],
  ['encryption.key', { encryption: {} }, /got nothing; it takes a key of at least 32 bytes/],
  ['encryption.key', { encryption: { key: [] } }, /got an empty array/],
  ['encryption.key', { encryption: { key: 'short' } }, /got one of 5 bytes; it takes a key of at least 32/],
  ['encryption.key', { encryption: { key: ['k'.repeat(32), 42] } }, /got 42/],
  ['encryption.key', { encryption: { key: generateKeyPairSync('ed25519').publicKey } }, /got an object/],
  [
    'encryption.readPlain',
    { encryption: { key: 'k'.repeat(32), readPlain: 'no' } },
    /got "no"; it takes true or false/,
  ],
  ['bindTo', { bindTo: ['ip'] }, /it takes \['userAgent'\]/],
  ['onMismatch', { onMismatch: 'warn' }, /it takes 'event' or 'destroy'/],
  ['allowShortSecret', { allowShortSecret: 'yes' }, /it takes true or false/],
  ['clock', { clock: () => 1 }, /clock/],
  ['logger', { logger: console.log }, /logger/],
  ['secrets', { secrets: [secret] }, /is no session option/],
  ['maxAge', { maxAge: '1d' }, /is no session option/],
  ['key', { key: 'sid' }, /is no session option/],
];

describe('names and times that are nearly right (#13.22)', () => {
  it.each([
    [{ sceret: 1 }, 'secret'],
    [{ idletimeout: '1h' }, 'idleTimeout'],
    [{ idleTimout: '1h' }, 'idleTimeout'],
    [{ absoluteTimeOut: '1h' }, 'absoluteTimeout'],
    [{ ttl: 60 }, 'idleTimeout'],
    [{ maxAge: '1d' }, 'cookie.maxAge'],
    [{ sameSite: 'lax' }, 'cookie.sameSite'],
    [{ key: 'sid' }, 'name'],
    [{ saveUninitialised: true }, 'saveUninitialized'],
    [{ cookies: {} }, 'cookie'],
    [{ cookie: { maxage: 1 } }, 'maxAge'],
    [{ cookie: { samesite: 'lax' } }, 'sameSite'],
    [{ encryption: { key: 'k'.repeat(32), readplain: true } }, 'readPlain'],
  ])('of %j it asks: did you mean "%s"?', (options, meant) => {
    expect(messageOf(() => resolve(options))).toMatch(new RegExp(` Did you mean "${meant}"\\?$`));
  });

  it('suggests nothing if no name is similar', () => {
    expect(messageOf(() => resolve({ banana: 1 }))).toMatch(
      /^"banana" is no session option; the options are .*exclude\.$/,
    );
  });

  it('warns of numbers below a minute, and names the unit', () => {
    const said = (options: Loose): string[] => {
      const warnings: string[] = [];
      resolve({ ...options, logger: { warn: (text: string) => void warnings.push(text), error: () => undefined } });
      return warnings;
    };
    expect(said({ idleTimeout: 1800 })).toEqual([
      `"idleTimeout" got 1800 ms, which is 1.8 s. If you mean seconds, write '1800s'; if not, write '1800ms'.`,
    ]);
    expect(said({ absoluteTimeout: 3600, renewAfter: 900, cookie: { maxAge: 86_400 / 2 } })).toEqual([
      expect.stringMatching(/^"absoluteTimeout" got 3600 ms, which is 3.6 s/),
      expect.stringMatching(/^"renewAfter" got 900/),
      expect.stringMatching(/^"cookie.maxAge" got 43200/),
    ]);
    expect(said({ idleTimeout: '30s', absoluteTimeout: 60_000, touchInterval: 0, renewGrace: 1 })).toEqual([]);
    expect(said({ idleTimeout: 1_800_000 })).toEqual([]);
  });

  it.each(['1800', ' 900 ', '0060'])('text of digits alone (%j) is asked for its unit', (text) => {
    const digits = text.trim();
    expect(messageOf(() => resolve({ idleTimeout: text }))).toBe(
      `"idleTimeout" got the text ${JSON.stringify(text)} without a unit: ms or s? Write '${digits}ms' for ${Number(digits) / 1_000} s, or '${digits}s' for ${digits} s.`,
    );
  });

  it('takes text from the environment, and checks it', () => {
    const env: Record<string, string | undefined> = { IDLE: '30m', WRONG: 'half an hour' };
    const typed = (text: string | undefined): SessionOptions => ({ secret, idleTimeout: text });
    expect(resolveOptions(typed(env.IDLE)).idleMs).toBe(1_800_000);
    expect(resolveOptions(typed(env.NONE)).idleMs).toBe(DAY);
    expect(messageOf(() => resolveOptions(typed(env.WRONG)))).toContain('"idleTimeout" got "half an hour"');
  });
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SessionOptionsError);
    return (error as Error).message;
  }
  throw new Error('Nothing was wrong.');
}

it('takes ten years, however they are counted (#13.25)', () => {
  for (const days of [3_650, 3_652.5, 3_653])
    expect(resolve({ cookie: { maxAge: days * DAY } }).idleMs).toBe(days * DAY);
});

describe('resolveOptions, of a wrong option,', () => {
  it.each(WRONG.map(([name, options, says]) => [`${name}: ${says.source}`, name, options, says] as const))(
    'says one sentence: %s',
    (_, name, options, says) => {
      const message = messageOf(() => resolve(options));
      expect(message).toContain(`"${name}"`);
      expect(message).toMatch(says);
      // One line, and one sentence: no full stop before the end, but for the question that may follow.
      expect(message).not.toMatch(/\n/);
      expect(message).not.toMatch(/\. (?!Did you mean ")[A-Z]/);
    },
  );

  it('never shows a secret', () => {
    for (const options of [{ secret: ['hunter2', ''] }, { secret: 'hunter2', idleTimeout: 'x' }])
      expect(messageOf(() => resolve({ ...options, logger: quiet }))).not.toContain('hunter2');
    expect(messageOf(() => resolve({ secret: 'hunter2' }, true))).not.toContain('hunter2');
  });

  it.each([undefined, null, 'secret', 7])('says that options must be an object, if they are %s', (options) => {
    expect(messageOf(() => resolveOptions(options as never))).toMatch(/options got .*object with at least a "secret"/);
  });
});

const quiet = { warn: () => undefined, error: () => undefined };

describe('resolveOptions', () => {
  const { NODE_ENV } = process.env;
  afterEach(() => void (process.env.NODE_ENV = NODE_ENV));

  it('fills in the defaults that the documentation names, and freezes the result', () => {
    const resolved = resolve({});
    expect(resolved).toMatchObject({
      name: 'sid',
      cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' },
      idleMs: DAY,
      absoluteMs: 30 * DAY,
      renewAfterMs: Number.POSITIVE_INFINITY,
      renewGraceMs: 30_000,
      touchIntervalMs: 60_000,
      storeTimeoutMs: 2_000,
      maxRecordBytes: 1_048_576,
      rolling: true,
      saveUninitialized: false,
      resave: false,
      unset: 'keep',
      load: 'eager',
      onStoreError: 'fail',
      onConflict: 'mine',
      maxSessionsPerPrincipal: Number.POSITIVE_INFINITY,
      onTooMany: 'evict-oldest',
      device: true,
    });
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(resolved.genid(undefined)).toMatch(/^[\w-]{32}$/);
  });

  it('takes idleTimeout from cookie.maxAge, absoluteTimeout from a longer one, and touchInterval from a tenth of the idle time', () => {
    expect(resolve({ cookie: { maxAge: '2h' } })).toMatchObject({
      idleMs: 7_200_000,
      absoluteMs: 30 * DAY,
      touchIntervalMs: 60_000,
    });
    expect(resolve({ cookie: { maxAge: '90d' } })).toMatchObject({ idleMs: 90 * DAY, absoluteMs: 90 * DAY });
    expect(resolve({ idleTimeout: '1m' })).toMatchObject({ touchIntervalMs: 6_000 });
    expect(resolve({ idleTimeout: '1h', touchInterval: '30m' })).toMatchObject({ touchIntervalMs: 360_000 });
    expect(resolve({ touchInterval: 0 })).toMatchObject({ touchIntervalMs: 0 });
    expect(resolve({ absoluteTimeout: false })).toMatchObject({ absoluteMs: Number.POSITIVE_INFINITY });
  });

  it.each([
    ['250', 250],
    [1_500, 1_500],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['1d', DAY],
    ['2w', 14 * DAY],
    ['250ms', 250],
  ])('reads the duration %s', (given, ms) => {
    if (given === '250') expect(() => resolve({ idleTimeout: given })).toThrow(SessionOptionsError);
    else expect(resolve({ idleTimeout: given }).idleMs).toBe(ms);
  });

  it("never changes the caller's object, and doesn't see what he changes later", () => {
    const cookie = Object.freeze({ maxAge: '1d' as const });
    const given = { secret: [secret], cookie };
    const resolved = resolveOptions(Object.freeze(given) as unknown as SessionOptions);
    given.secret.push('another secret of thirty-two bytes!');
    expect([given.cookie, resolved.cookie.maxAge, resolved.secrets.length]).toEqual([{ maxAge: '1d' }, DAY, 1]);
    const attributes = { path: '/' };
    const later = resolve({ cookie: attributes });
    attributes.path = '/x';
    expect(later.cookie.path).toBe('/');
  });

  it('warns of a secret under 32 bytes, refuses it in production, and takes it there with allowShortSecret', () => {
    const warnings: string[] = [];
    const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
    resolve({ secret: 'é'.repeat(15), logger });
    expect(warnings).toEqual([expect.stringMatching(/"secret" got one of 30 bytes; it takes at least 32/)]);
    resolve({ secret: 'é'.repeat(16), logger });
    resolve({ secret: 'short', allowShortSecret: true, logger }, true);
    expect(warnings.length).toBe(1);
    expect(messageOf(() => resolve({ secret: 'short', logger }, true))).toMatch(/"allowShortSecret": true/);
    expect(messageOf(() => resolve({ secret: ['é'.repeat(16), 'short'], logger }, true))).toMatch(/got one of 5 bytes/);
    process.env.NODE_ENV = 'production';
    expect(messageOf(() => resolveOptions({ secret: 'short', logger }))).toMatch(/at least 32/);
  });

  it('takes what is right of each option that can be wrong', () => {
    resolve({ name: '__Host-sid', cookie: { secure: true } });
    resolve({ name: '__Secure-sid', cookie: { secure: true, domain: '.example.com', path: '/x' } });
    resolve({ cookie: { sameSite: 'none', secure: 'auto' } });
    resolve({
      cookie: { sameSite: true, partitioned: true, secure: true, priority: 'high', expires: new Date(), maxAge: null },
    });
    resolve({
      cookie: () => ({ maxAge: '1d' }),
      clock: { now: () => 1 },
      logger: quiet,
      proxy: true,
      onConflict: () => 1,
      bindTo: ['userAgent'],
    });
  });
});

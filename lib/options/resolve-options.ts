import { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Clock, systemClock } from '../stores/clock.js';
import { scrubbed } from '../common/scrubbed-error.js';
import { type Secret, secretBytes } from '../cookie/cookie-signer.js';
import { defaultPrincipalOf } from '../session/derived-principal.js';
import { didYouMean } from '../common/did-you-mean.js';
import { type Duration, inSeconds, show, toMs } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import type { CookieOptions, SessionLogger, SessionOptions } from './options.js';
import { checkEncryption } from '../record/record-cipher.js';
import { type CookieAttributes, isCookieName, serializeAttributes } from '../cookie/session-cookie.js';
import { newSessionId } from '../record/session-id.js';
import { isPromise } from '../session/session-values.js';

type Given =
  'store' | 'secret' | 'cookie' | 'allowShortSecret' | 'schema' | 'schemaVersion' | 'migrate' | 'proxy' | 'encryption';

/** The options, checked and complete; durations in ms. Frozen. */
export interface ResolvedOptions extends Pick<
  SessionOptions,
  Exclude<Given, 'store' | 'secret' | 'cookie' | 'allowShortSecret'>
> {
  readonly secrets: readonly Secret[];
  readonly name: string;
  readonly cookie: CookieAttributes;
  readonly cookieFor: ((req: IncomingMessage) => CookieAttributes) | undefined;
  readonly idleMs: number;
  /** Whether `idleTimeout` was given: then no cookie that a function decides can change it. */
  readonly idleIsExplicit: boolean;
  readonly absoluteMs: number;
  /** Whether `absoluteTimeout` was given: then no cookie of a session can stretch it. */
  readonly absoluteIsExplicit: boolean;
  readonly renewAfterMs: number;
  readonly renewGraceMs: number;
  readonly touchIntervalMs: number;
  readonly storeTimeoutMs: number;
  readonly maxRecordBytes: number;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly resave: boolean;
  readonly unset: 'keep' | 'destroy';
  readonly genid: (req: IncomingMessage | undefined) => string;
  readonly load: 'eager' | 'lazy';
  readonly onStoreError: 'fail' | 'anonymous';
  readonly onConflict: NonNullable<SessionOptions['onConflict']>;
  readonly principalOf: NonNullable<SessionOptions['principalOf']>;
  readonly isAuthenticated: NonNullable<SessionOptions['isAuthenticated']>;
  readonly maxSessionsPerPrincipal: number;
  readonly onTooMany: 'evict-oldest' | 'reject';
  readonly device: boolean;
  readonly hashIds: boolean;
  readonly bindTo: readonly 'userAgent'[];
  readonly onMismatch: 'event' | 'destroy';
  readonly clock: Clock;
  readonly logger: SessionLogger;
}

const DAY_MS = 86_400_000;
const SHORTEST_SECRET_BYTES = 32;

/** What the defaults are, but for those that follow from other options. */
export const DEFAULTS = {
  name: 'sid',
  cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' },
  idleTimeout: DAY_MS,
  absoluteTimeout: 30 * DAY_MS,
  renewGrace: 30_000,
  touchInterval: 60_000,
  storeTimeout: 2_000,
  maxRecordBytes: 1_048_576,
} as const satisfies Partial<SessionOptions>;

/** Surfaces that differ in their defaults. */
export interface ResolveContext {
  readonly production?: boolean;
  readonly cookieDefaults?: CookieAttributes;
  /** express-session takes any secret. */
  readonly anySecret?: boolean;
  /** Told of cookies that browsers refuse, instead of an error: express-session takes them. */
  readonly unusableCookie?: (message: string) => void;
  /** The longest life of a cookie, in ms; default: ten years. */
  readonly longestCookie?: number;
}

/**
 * Checks the options and fills in the defaults. The caller's object is never changed.
 *
 * @throws SessionOptionsError: one sentence that names the option, what it got and what it takes.
 */
export function resolveOptions(options: SessionOptions, context: ResolveContext = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new SessionOptionsError(
      `The session options got ${show(options)}; they take an object with at least a "secret".`,
    );
  }
  checkKnown(options);
  checkHelpers(options);
  const production = context.production ?? process.env.NODE_ENV === 'production';
  const logger = options.logger ?? consoleLogger;
  const defaults = context.cookieDefaults ?? DEFAULTS.cookie;
  const name = cookieName(options.name ?? DEFAULTS.name);
  const cookieOption = options.cookie === undefined ? {} : options.cookie;
  const cookieFor =
    typeof cookieOption === 'function'
      ? (req: IncomingMessage) => cookieAttributes(cookieOption(req), defaults, name, context)
      : undefined;
  const cookie = cookieAttributes(typeof cookieOption === 'function' ? {} : cookieOption, defaults, name, context);
  const maxAge = cookie.maxAge ?? undefined;
  const idleMs =
    options.idleTimeout === undefined ? (maxAge ?? DEFAULTS.idleTimeout) : toMs(options.idleTimeout, 'idleTimeout');
  const absoluteMs =
    options.absoluteTimeout === false
      ? Number.POSITIVE_INFINITY
      : options.absoluteTimeout === undefined
        ? Math.max(DEFAULTS.absoluteTimeout, maxAge ?? 0)
        : toMs(options.absoluteTimeout, 'absoluteTimeout');
  if (options.absoluteTimeout !== undefined && absoluteMs < idleMs && options.idleTimeout !== undefined) {
    throw new SessionOptionsError(
      `"idleTimeout" got ${show(options.idleTimeout)}, which is longer than "absoluteTimeout" (${show(options.absoluteTimeout)}); it takes a time up to that.`,
    );
  }
  if (!context.anySecret) warnOfShortLives(options, logger);
  return Object.freeze({
    secrets: secrets(options, production && !context.anySecret, logger, context.anySecret === true),
    name,
    cookie,
    cookieFor,
    idleMs,
    idleIsExplicit: options.idleTimeout !== undefined,
    absoluteMs,
    absoluteIsExplicit: options.absoluteTimeout !== undefined,
    renewAfterMs: options.renewAfter === undefined ? Number.POSITIVE_INFINITY : toMs(options.renewAfter, 'renewAfter'),
    renewGraceMs: options.renewGrace === undefined ? DEFAULTS.renewGrace : toMs(options.renewGrace, 'renewGrace'),
    touchIntervalMs: touchInterval(options.touchInterval, idleMs),
    storeTimeoutMs: toMs(
      options.storeTimeout === undefined ? DEFAULTS.storeTimeout : options.storeTimeout,
      'storeTimeout',
    ),
    maxRecordBytes: positiveInteger(options.maxRecordBytes ?? DEFAULTS.maxRecordBytes, 'maxRecordBytes'),
    rolling: flag(options.rolling, true, 'rolling'),
    saveUninitialized: flag(options.saveUninitialized, false, 'saveUninitialized'),
    resave: flag(options.resave, false, 'resave'),
    unset: oneOf(options.unset, ['keep', 'destroy'], 'unset'),
    genid: fn(options.genid, 'genid') ?? newSessionId,
    proxy: options.proxy === undefined ? undefined : flag(options.proxy, false, 'proxy'),
    load: oneOf(options.load, ['eager', 'lazy'], 'load'),
    onStoreError: oneOf(options.onStoreError, ['fail', 'anonymous'], 'onStoreError'),
    onSaveError: fn(options.onSaveError, 'onSaveError'),
    onConflict: onConflict(options.onConflict),
    principalOf: fn(options.principalOf, 'principalOf') ?? defaultPrincipalOf,
    isAuthenticated: fn(options.isAuthenticated, 'isAuthenticated') ?? defaultIsAuthenticated,
    maxSessionsPerPrincipal:
      options.maxSessionsPerPrincipal === undefined
        ? Number.POSITIVE_INFINITY
        : positiveInteger(options.maxSessionsPerPrincipal, 'maxSessionsPerPrincipal'),
    onTooMany: oneOf(options.onTooMany, ['evict-oldest', 'reject'], 'onTooMany'),
    device: flag(options.device, true, 'device'),
    schema: schema(options.schema),
    schemaVersion:
      options.schemaVersion === undefined ? undefined : positiveInteger(options.schemaVersion, 'schemaVersion'),
    migrate: migrate(options),
    hashIds: flag(options.hashIds, false, 'hashIds'),
    encryption: checkEncryption(options.encryption),
    bindTo: bindTo(options.bindTo),
    onMismatch: oneOf(options.onMismatch, ['event', 'destroy'], 'onMismatch'),
    clock: options.clock ?? systemClock,
    logger: {
      warn: (message: string) => logger.warn(message),
      error: (message: string, cause?: unknown) => logger.error(message, scrubbed(cause)),
    },
  });
}

const KNOWN = new Set([
  'secret', 'store', 'name', 'cookie', 'allowShortSecret', 'idleTimeout', 'absoluteTimeout', 'renewAfter', 'renewGrace', 'touchInterval',
  'rolling', 'saveUninitialized', 'resave', 'unset', 'genid', 'proxy', 'load', 'onStoreError', 'onSaveError', 'storeTimeout', 'maxRecordBytes', 'onConflict',
  'principalOf', 'isAuthenticated', 'maxSessionsPerPrincipal', 'onTooMany', 'device', 'schema', 'schemaVersion', 'migrate', 'hashIds',
  'encryption', 'bindTo', 'onMismatch', 'clock', 'logger', 'forRoutes', 'exclude',
]); // prettier-ignore

/** How other libraries, or the cookie's attributes, call it. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  ttl: 'idleTimeout',
  timeout: 'idleTimeout',
  expiration: 'idleTimeout',
  expiresin: 'idleTimeout',
  key: 'name',
  cookiename: 'name',
  keys: 'secret',
  password: 'secret',
  cookieoptions: 'cookie',
  ...Object.fromEntries(
    ['domain', 'path', 'maxAge', 'expires', 'httpOnly', 'secure', 'sameSite', 'priority', 'partitioned'].map((name) => [
      name.toLowerCase(),
      `cookie.${name}`,
    ]),
  ),
};

const SHORT_MS = 60_000;

/** A number below a minute may well be meant as seconds. */
function warnOfShortLives(options: SessionOptions, logger: SessionLogger): void {
  const { idleTimeout, absoluteTimeout, renewAfter, cookie } = options;
  const maxAge = typeof cookie === 'object' ? cookie.maxAge : undefined;
  for (const [option, value] of Object.entries({ idleTimeout, absoluteTimeout, renewAfter, 'cookie.maxAge': maxAge })) {
    if (typeof value === 'number' && value < SHORT_MS)
      logger.warn(
        `"${option}" got ${value}, which is ms, so ${inSeconds(value)}. If seconds are meant, write '${value}s'; if not, '${value}ms' says so.`,
      );
  }
}

function checkKnown(options: object): void {
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) {
      throw new SessionOptionsError(
        `"${key}" is no session option; the options are ${[...KNOWN].join(', ')}.${didYouMean(key, KNOWN, OTHER_WORDS)}`,
      );
    }
  }
}

function checkHelpers({ clock, logger, allowShortSecret }: SessionOptions): void {
  flag(allowShortSecret, false, 'allowShortSecret');
  if (clock !== undefined && typeof clock?.now !== 'function')
    throw new SessionOptionsError(`"clock" got ${show(clock)}; it takes an object with now().`);
  if (logger !== undefined && (typeof logger?.warn !== 'function' || typeof logger.error !== 'function')) {
    throw new SessionOptionsError(`"logger" got ${show(logger)}; it takes an object with warn() and error().`);
  }
}

function cookieName(name: unknown): string {
  if (!isCookieName(name))
    throw new SessionOptionsError(
      `"name" got ${show(name)}; it takes a cookie name: letters, digits and !#$%&'*+-.^_\`|~.`,
    );
  return name;
}

const ATTRIBUTES = new Set([
  'domain',
  'path',
  'maxAge',
  'expires',
  'httpOnly',
  'secure',
  'sameSite',
  'priority',
  'partitioned',
  'originalMaxAge',
]);

/** Checks the attributes against each other and against the name's prefix (RFC 6265bis 4.1.3). */
function cookieAttributes(
  given: CookieOptions,
  defaults: CookieAttributes,
  name: string,
  { unusableCookie: unusable = refuse, longestCookie }: ResolveContext,
): CookieAttributes {
  if (typeof given !== 'object' || given === null) {
    throw new SessionOptionsError(
      `"cookie" got ${show(given)}; it takes an object such as { maxAge: '1d' }, or a function that gives one.`,
    );
  }
  for (const key of Object.keys(given)) {
    if (!ATTRIBUTES.has(key))
      throw new SessionOptionsError(
        `"cookie.${key}" is no cookie attribute; they are ${[...ATTRIBUTES].slice(0, -1).join(', ')}.${didYouMean(key, ATTRIBUTES)}`,
      );
  }
  const { maxAge, ...rest } = given;
  const cookie: CookieAttributes = { ...defaults, ...dropUndefined(rest) };
  if (maxAge !== undefined && maxAge !== null) cookie.maxAge = toMs(maxAge, 'cookie.maxAge', longestCookie);
  if (cookie.secure !== undefined && typeof cookie.secure !== 'boolean' && cookie.secure !== 'auto') {
    throw new SessionOptionsError(`"cookie.secure" got ${show(cookie.secure)}; it takes true, false or 'auto'.`);
  }
  if (cookie.expires && !(cookie.expires instanceof Date))
    throw new SessionOptionsError(`"cookie.expires" got ${show(cookie.expires)}; it takes a Date.`);
  serializeAttributes({ ...cookie, sameSite: cookie.sameSite === 'auto' ? 'lax' : cookie.sameSite });
  const none = typeof cookie.sameSite === 'string' && cookie.sameSite.toLowerCase() === 'none';
  if (none && !cookie.secure)
    unusable(`"cookie.sameSite" got 'none' without "cookie.secure": browsers refuse that; set secure to true.`);
  if (cookie.partitioned && !cookie.secure)
    unusable('"cookie.partitioned" got true without "cookie.secure": browsers refuse that; set secure to true.');
  if (/^__(?:host|secure)-/i.test(name)) {
    if (cookie.secure !== true) unusable(`"name" got ${show(name)}, whose prefix asks for "cookie.secure": true.`);
    if (/^__host-/i.test(name)) {
      if (cookie.domain)
        unusable(`"name" got ${show(name)}, whose prefix forbids "cookie.domain" (it is ${show(cookie.domain)}).`);
      if (cookie.path !== '/')
        unusable(`"name" got ${show(name)}, whose prefix asks for "cookie.path": '/' (it is ${show(cookie.path)}).`);
    }
  }
  return cookie;
}

function refuse(message: string): never {
  throw new SessionOptionsError(message);
}

function dropUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Secrets that our documentation shows, or has shown: none is ever taken out. A test compares the list with the documentation. */
const PUBLIC_SECRETS: ReadonlySet<string> = new Set([
  'a secret of at least thirty-two bytes',
  'a secret that is only for the tests',
  'at least thirty-two bytes of it',
  'only for trying it out: 32 bytes',
]);

function secrets(
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
        '"secret" got one that stands in this library\'s documentation, so anybody can make cookies with it. In production it takes a secret of your own, such as the output of `openssl rand -base64 32`.',
      );
    }
    const bytes = secretBytes(secret).length;
    if (bytes >= SHORTEST_SECRET_BYTES || options.allowShortSecret || anyLength) continue;
    const message = `"secret" got one of ${bytes} bytes; it takes at least ${SHORTEST_SECRET_BYTES}`;
    if (strict)
      throw new SessionOptionsError(`${message} (an app that has to keep its own sets "allowShortSecret": true).`);
    logger.warn(`${message}. In production this is an error, unless "allowShortSecret" is set.`);
  }
  return list;
}

function isSecret(secret: unknown): secret is Secret {
  if (secret instanceof KeyObject) return secret.type === 'secret';
  return (typeof secret === 'string' || secret instanceof Uint8Array) && secret.length > 0;
}

function touchInterval(given: Duration | 0 | undefined, idleMs: number): number {
  const wanted = given === 0 ? 0 : toMs(given ?? DEFAULTS.touchInterval, 'touchInterval');
  return Math.min(wanted, idleMs / 10);
}

function positiveInteger(value: unknown, option: string): number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0)
    throw new SessionOptionsError(`"${option}" got ${show(value)}; it takes a whole number above 0.`);
  return value as number;
}

function flag(value: unknown, byDefault: boolean, option: string): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== 'boolean')
    throw new SessionOptionsError(`"${option}" got ${show(value)}; it takes true or false.`);
  return value;
}

function fn<T>(value: T | undefined, option: string): T | undefined {
  if (value !== undefined && typeof value !== 'function')
    throw new SessionOptionsError(`"${option}" got ${show(value)}; it takes a function.`);
  return value;
}

function oneOf<T extends string>(value: unknown, choices: readonly [T, ...T[]], option: string): T {
  if (value === undefined) return choices[0];
  if (!choices.includes(value as T))
    throw new SessionOptionsError(
      `"${option}" got ${show(value)}; it takes ${choices.map((c) => `'${c}'`).join(' or ')}.`,
    );
  return value as T;
}

function onConflict(value: SessionOptions['onConflict']): NonNullable<SessionOptions['onConflict']> {
  return typeof value === 'function' ? value : oneOf<'mine' | 'theirs'>(value, ['mine', 'theirs'], 'onConflict');
}

function schema(value: SessionOptions['schema']): SessionOptions['schema'] {
  if (value !== undefined && typeof value?.['~standard']?.validate !== 'function') {
    throw new SessionOptionsError(
      `"schema" got ${show(value)}; it takes a Standard Schema, such as one of zod, valibot or arktype.`,
    );
  }
  const answer = value?.['~standard'].validate({});
  if (answer instanceof Promise) {
    answer.catch(() => {});
    throw new SessionOptionsError(
      '"schema" got one that validates asynchronously, or throws; it takes a Standard Schema that validates at once.',
    );
  }
  return value;
}

function migrate(options: SessionOptions): SessionOptions['migrate'] {
  const given = fn(options.migrate, 'migrate');
  if (given !== undefined && options.schemaVersion === undefined) {
    throw new SessionOptionsError(
      '"schemaVersion" got nothing beside "migrate"; it takes the version of the shape that "migrate" gives, a whole number above 0.',
    );
  }
  return given;
}

function bindTo(value: unknown): readonly 'userAgent'[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((item) => item !== 'userAgent'))
    throw new SessionOptionsError(`"bindTo" got ${show(value)}; it takes ['userAgent'].`);
  return value as readonly 'userAgent'[];
}

/** passport's user, or `user.id`. */
const defaultIsAuthenticated = (data: Readonly<Record<string, unknown>>, principal: string | undefined): boolean =>
  principal !== undefined || (Boolean(data.user) && typeof data.user !== 'function' && !isPromise(data.user));

const consoleLogger: SessionLogger = {
  warn: (message) => console.warn(`[session] ${message}`),
  error: (message, cause) =>
    cause === undefined ? console.error(`[session] ${message}`) : console.error(`[session] ${message}`, cause),
};

import { type Duration, inSeconds, show, toMs } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import {
  asGiven,
  callback,
  choice,
  flag,
  having,
  orFalse,
  type Place,
  type Resolved,
  type Rule,
  rule,
  type Rules,
  unknownName,
  wholeNumber,
} from '../common/option-rules.js';
import { newSessionId } from '../common/session-id.js';
import { ATTRIBUTE_NAMES } from '../cookie/cookie-attributes.js';
import { checkEncryption } from './encryption-option.js';
import { defaultPrincipalOf } from './principal-of.js';
import { isPromise } from '../common/is-promise.js';
import { systemClock } from '../stores/clock.js';
import type { SessionBus } from '../stores/session-bus.js';
import type { SessionLogger, SessionOptions } from './options.js';

const DAY_MS = 86_400_000;

type Given<Name extends keyof SessionOptions> = NonNullable<SessionOptions[Name]>;

const time = <T>(byDefault: T): Rule<number | T> =>
  rule<number | T>(byDefault, (value, { option }) => toMs(value, option));

/**
 * All options: names, defaults, checks, and the values for the engine (durations in ms). `resolveOptions` adds what
 * depends on several of them. A test compares the defaults with docs/options.md and with the comments of
 * `SessionOptions`.
 */
export const SESSION_OPTIONS = {
  secret: asGiven<Given<'secret'>>(),
  store: asGiven<Given<'store'>>(),
  name: asGiven<string>(),
  cookie: asGiven<Given<'cookie'>>(),
  allowShortSecret: flag(false),
  idleTimeout: time(undefined),
  absoluteTimeout: orFalse(time(undefined)),
  renewAfter: time(Infinity),
  renewGrace: time(30_000),
  touchInterval: rule(60_000, (value, { option }) => (value === 0 ? 0 : toMs(value, option))),
  rolling: flag(true),
  saveUninitialized: flag(false),
  resave: flag(false),
  unset: choice<Given<'unset'>>('keep', 'destroy'),
  genid: callback<Given<'genid'>>(newSessionId),
  proxy: flag(undefined),
  load: choice<Given<'load'>>('eager', 'lazy'),
  onStoreError: choice<Given<'onStoreError'>>('fail', 'anonymous'),
  onSaveError: callback<SessionOptions['onSaveError']>(undefined),
  storeTimeout: time(2_000),
  maxRecordBytes: wholeNumber(1_048_576),
  onConflict: rule<Given<'onConflict'>>('mine', (value, place) =>
    typeof value === 'function' ? (value as Given<'onConflict'>) : choice('mine', 'theirs').read(value, place),
  ),
  principalOf: callback<Given<'principalOf'>>(defaultPrincipalOf),
  isAuthenticated: callback<Given<'isAuthenticated'>>(defaultIsAuthenticated),
  maxSessionsPerPrincipal: wholeNumber(Infinity),
  onTooMany: choice<Given<'onTooMany'>>('evict-oldest', 'reject'),
  device: flag(true),
  schema: rule<SessionOptions['schema']>(undefined, schema),
  schemaVersion: wholeNumber(undefined),
  migrate: callback<SessionOptions['migrate']>(undefined),
  hashIds: flag(false),
  encryption: rule<SessionOptions['encryption']>(undefined, checkEncryption),
  bindTo: rule<Given<'bindTo'>>([], bindTo),
  onMismatch: choice<Given<'onMismatch'>>('event', 'destroy'),
  bus: orFalse(
    having<SessionBus | undefined>(
      undefined,
      ['publish', 'subscribe'],
      'false, or an object with publish() and subscribe()',
    ),
  ),
  clock: having(systemClock, ['now'], 'an object with now()'),
  logger: having<SessionLogger | undefined>(undefined, ['warn', 'error'], 'an object with warn() and error()'),
} satisfies Rules<SessionOptions>;

/** The options as this table reads them. */
export type ReadSessionOptions = Resolved<typeof SESSION_OPTIONS>;

/** The idle timeout if neither `idleTimeout` nor `cookie.maxAge` is given, in ms. */
export const DEFAULT_IDLE_MS = DAY_MS;
/** The absolute timeout if `absoluteTimeout` is not given, in ms. */
export const DEFAULT_ABSOLUTE_MS = 30 * DAY_MS;
/** The attributes that the option `cookie` leaves out. */
export const DEFAULT_COOKIE = { path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' } as const;

/** Options of `SessionModule` that only concern Nest, which reads them. */
const NEST_OPTIONS = ['forRoutes', 'exclude'];

/** The names in other libraries, or of the cookie's attributes. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ttl: 'idleTimeout',
  timeout: 'idleTimeout',
  expiration: 'idleTimeout',
  expiresin: 'idleTimeout',
  key: 'name',
  cookiename: 'name',
  keys: 'secret',
  password: 'secret',
  cookieoptions: 'cookie',
  ...Object.fromEntries(ATTRIBUTE_NAMES.map((name) => [name.toLowerCase(), `cookie.${name}`])),
};

/** @throws SessionOptionsError for an option that doesn't exist. */
export function checkNames(options: object): void {
  const known = [...Object.keys(SESSION_OPTIONS), ...NEST_OPTIONS];
  const unknown = unknownName(options, known, OTHER_NAMES);
  if (unknown === undefined) return;
  throw new SessionOptionsError(
    `"${unknown.name}" is no session option; the options are ${known.join(', ')}.${unknown.question}`,
  );
}

/** How errors name a wrong option. */
export const placeOf = (option: string): Place => {
  const says = (rest: string): SessionOptionsError => new SessionOptionsError(`"${option}" ${rest}.`);
  const wrong = (value: unknown, takes: string): SessionOptionsError => says(`got ${show(value)}; it takes ${takes}`);
  return { option, says, wrong, wrongType: wrong };
};

function schema(value: unknown, place: Place): SessionOptions['schema'] {
  const given = value as SessionOptions['schema'];
  if (typeof given?.['~standard']?.validate !== 'function') {
    throw place.wrong(value, 'a Standard Schema, such as one of zod, valibot or arktype');
  }
  const answer = given['~standard'].validate({});
  if (answer instanceof Promise) {
    answer.catch(() => {});
    throw place.says(
      'got one that validates asynchronously, or throws; it takes a Standard Schema that validates synchronously',
    );
  }
  return given;
}

function bindTo(value: unknown, place: Place): readonly 'userAgent'[] {
  if (!Array.isArray(value) || value.some((item) => item !== 'userAgent')) throw place.wrong(value, "['userAgent']");
  return value as readonly 'userAgent'[];
}

/** Logged in by passport, or by `user.id`. */
function defaultIsAuthenticated(data: Readonly<Record<string, unknown>>, principal: string | undefined): boolean {
  return principal !== undefined || (Boolean(data.user) && typeof data.user !== 'function' && !isPromise(data.user));
}

const SHORT_MS = 60_000;

/** Warns of a duration of less than a minute, which may be meant in seconds. */
export function warnOfShortLives(options: SessionOptions, logger: SessionLogger): void {
  const { idleTimeout, absoluteTimeout, renewAfter, cookie } = options;
  const maxAge: Duration | null | undefined = typeof cookie === 'object' ? cookie.maxAge : undefined;
  for (const [option, value] of Object.entries({ idleTimeout, absoluteTimeout, renewAfter, 'cookie.maxAge': maxAge })) {
    if (typeof value === 'number' && value < SHORT_MS)
      logger.warn(
        `"${option}" got ${value} ms, which is ${inSeconds(value)}. If you mean seconds, write '${value}s'; if not, write '${value}ms'.`,
      );
  }
}

import { show, toMs, type Duration } from '../../common/duration.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { SessionOptionsError } from '../../common/errors.js';
import type { AllowedOrigins, HandshakeRules } from '../../transports/websockets/handshake.js';

/** The options of `withSessions()` and `withSubscriptionSessions()`. */
export interface SocketSessionOptions {
  /**
   * The origins whose pages may connect, such as `['https://app.example.com']`, or a function. Clients without an
   * `Origin` header are no browsers, and may connect.
   *
   * @defaultValue the origin of the host that the client connects to
   */
  readonly origins?: AllowedOrigins | undefined;
  /**
   * Refuses clients without a live session before the connection is made: 401 with ws and Mercurius, 403 with
   * socket.io. graphql-ws refuses them at `connection_init`, with the close code 4401.
   *
   * @defaultValue `false`
   */
  readonly requireSession?: boolean | undefined;
  /**
   * How old the record of a session may be when a message comes; an older one is read again. In ms, or text.
   *
   * @defaultValue `'5s'`
   */
  readonly revalidate?: Duration | undefined;
  /**
   * Whether messages keep the session alive, as requests do: they extend the idle timeout, at most every
   * `touchInterval`.
   *
   * @defaultValue `true`
   */
  readonly keepAlive?: boolean | undefined;
}

const NAMES = [
  'origins',
  'requireSession',
  'revalidate',
  'keepAlive',
] as const satisfies (keyof SocketSessionOptions)[];

/**
 * @param by the function whose options they are, for errors.
 * @throws SessionOptionsError for an unknown option, or a wrong value.
 */
export function socketRules(options: SocketSessionOptions, by = 'withSessions()'): HandshakeRules {
  const wrong = (what: string, value: unknown, takes: string): SessionOptionsError =>
    new SessionOptionsError(`${by} got ${show(value)} for ${what}; it takes ${takes}.`);
  if (typeof options !== 'object' || options === null) throw wrong('the options', options, 'an object');
  const strange = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name));
  if (strange !== undefined)
    throw new SessionOptionsError(
      `${by} got ${show(strange)}, which is no option of it; the options are ${NAMES.join(', ')}.${didYouMean(strange, NAMES, { origin: 'origins' })}`,
    );
  const { origins, requireSession = false, revalidate = '5s', keepAlive = true } = options;
  if (typeof requireSession !== 'boolean') throw wrong('"requireSession"', requireSession, 'true or false');
  if (typeof keepAlive !== 'boolean') throw wrong('"keepAlive"', keepAlive, 'true or false');
  return {
    origins: originsOf(origins, wrong),
    requireSession,
    revalidateMs: toMs(revalidate, 'revalidate'),
    keepsAlive: keepAlive,
  };
}

function originsOf(
  given: AllowedOrigins | undefined,
  wrong: (what: string, value: unknown, takes: string) => SessionOptionsError,
): AllowedOrigins | undefined {
  if (given === undefined || typeof given === 'function') return given;
  const isOrigin = (each: unknown): boolean =>
    typeof each === 'string' && URL.canParse(each) && new URL(each).origin === each;
  if (!Array.isArray(given)) throw wrong('"origins"', given, 'an array of origins, or a function');
  const strange: unknown = given.find((each) => !isOrigin(each));
  if (strange !== undefined)
    throw wrong(
      '"origins"',
      strange,
      "origins as browsers send them, such as 'https://app.example.com', without a path",
    );
  return [...given] as string[];
}

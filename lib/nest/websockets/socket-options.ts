import { show, toMs, type Duration } from '../../common/duration.js';
import { flag, type Place, readByRules, rule, type Rules, unknownName } from '../../common/option-rules.js';
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

const OPTIONS = {
  origins: rule<AllowedOrigins | undefined>(undefined, originsOf),
  requireSession: flag(false),
  revalidate: rule<number>(5_000, (value, { option }) => toMs(value, option)),
  keepAlive: flag(true),
} satisfies Rules<SocketSessionOptions>;

/**
 * @param by the function whose options they are, for errors.
 * @throws SessionOptionsError for an unknown option, or a wrong value.
 */
export function socketRules(options: SocketSessionOptions, by = 'withSessions()'): HandshakeRules {
  if (typeof options !== 'object' || options === null)
    throw new SessionOptionsError(`${by} got ${show(options)} for the options; it takes an object.`);
  const known = Object.keys(OPTIONS);
  const unknown = unknownName(options, known, { origin: 'origins' });
  if (unknown !== undefined)
    throw new SessionOptionsError(
      `${by} got ${show(unknown.name)}, which is no option of it; the options are ${known.join(', ')}.${unknown.question}`,
    );
  const { origins, requireSession, revalidate, keepAlive } = readByRules(OPTIONS, options, (option) => {
    const says = (rest: string) => new SessionOptionsError(`${by} got ${rest}.`);
    const wrong = (value: unknown, takes: string) => says(`${show(value)} for "${option}"; it takes ${takes}`);
    return { option, says, wrong, wrongType: wrong };
  });
  return { origins, requireSession, revalidateMs: revalidate, keepsAlive: keepAlive };
}

function originsOf(given: unknown, place: Place): AllowedOrigins {
  if (typeof given === 'function') return given as AllowedOrigins;
  if (!Array.isArray(given)) throw place.wrong(given, 'an array of origins, or a function');
  const strange: unknown = given.find(
    (each) => typeof each !== 'string' || !URL.canParse(each) || new URL(each).origin !== each,
  );
  if (strange !== undefined)
    throw place.wrong(strange, "origins as browsers send them, such as 'https://app.example.com', without a path");
  return [...given] as string[];
}

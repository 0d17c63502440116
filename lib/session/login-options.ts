import { type Duration, show, toMs } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';

/** What `session.login(principal, data, options)` takes. */
export interface LoginOptions {
  /**
   * How long this session lasts without a request, on the server and in the browser, such as `'30d'`. It goes before `cookie.maxAge` and
   * `idleTimeout`; `absoluteTimeout` still ends the session, if that option is set. Left out, the options of the module apply.
   */
  readonly remember?: Duration | undefined;
}

/**
 * How long a login is to be remembered, in ms; `undefined`: as the module's options say.
 *
 * @throws SessionOptionsError for an unknown option, or a `remember` that is no duration.
 */
export function rememberedMs(options: unknown): number | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new SessionOptionsError(
      `session.login(principal, data, options): options got ${show(options)}; they take an object such as { remember: '30d' }.`,
    );
  const unknown = Object.keys(options).find((name) => name !== 'remember');
  if (unknown !== undefined)
    throw new SessionOptionsError(`session.login() got the unknown option "${unknown}"; it takes "remember".`);
  const { remember } = options as LoginOptions;
  return remember === undefined ? undefined : toMs(remember, 'remember');
}

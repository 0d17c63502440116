import { type Duration, show, toMs } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';

/** The options of `session.login(principal, data, options)`. */
export interface LoginOptions {
  /**
   * How long this session lasts without a request, on the server and in the browser, such as `'30d'` (a number is in
   * ms). It overrides `cookie.maxAge` and `idleTimeout`. `absoluteTimeout` still limits it.
   *
   * @defaultValue the options of the module
   */
  readonly remember?: Duration | undefined;
}

/**
 * The lifetime from `remember`, in ms; `undefined`: not given.
 *
 * @throws SessionOptionsError for an unknown option, or a `remember` that is no duration.
 */
export function rememberedMs(options: unknown): number | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new SessionOptionsError(
      `session.login(principal, data, options): options got ${show(options)}; it takes an object such as { remember: '30d' }.`,
    );
  const unknown = Object.keys(options).find((name) => name !== 'remember');
  if (unknown !== undefined)
    throw new SessionOptionsError(`session.login() got the unknown option "${unknown}"; it takes "remember".`);
  const { remember } = options as LoginOptions;
  return remember === undefined ? undefined : toMs(remember, 'remember');
}

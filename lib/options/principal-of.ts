import { show } from '../common/duration.js';

/** The data of a session, by top-level key. */
type SessionValues = Record<string, unknown>;

/** Whether a value can be a principal: a string, a finite number or a bigint. */
export function isPrincipal(value: unknown): value is string | number | bigint {
  return (
    (typeof value === 'string' && value !== '') ||
    (typeof value === 'number' && Number.isFinite(value)) ||
    typeof value === 'bigint'
  );
}

/** The same for a principal that the app passes. `String(undefined)` would be the same principal for many users. */
export const isNamedPrincipal = (value: unknown): value is string | number | bigint =>
  isPrincipal(value) && value !== 'undefined' && value !== '[object Object]';

/**
 * What `principalOf` returns for a session's data. `undefined`, `null` and `''` mean nobody.
 *
 * @throws TypeError if the result is no id.
 */
export function derivePrincipal(
  principalOf: (data: Readonly<SessionValues>) => unknown,
  values: SessionValues,
): string | undefined {
  const principal = principalOf(values);
  if (principal === undefined || principal === null || principal === '') return undefined;
  if (isPrincipal(principal)) return String(principal);
  throw new TypeError(
    `principalOf(data) returned ${show(principal)}; it must return the user's id, a string or a number, or undefined for nobody.`,
  );
}

/** The default: passport's user, or `user`, by `id`, `_id` or `sub`. */
export function defaultPrincipalOf(data: Readonly<SessionValues>): string | number | undefined {
  const user = (data.passport as { user?: unknown } | null | undefined)?.user;
  return idIn(user) ?? idOf(user) ?? idOf(data.user);
}

function idOf(user: unknown): string | number | undefined {
  if (typeof user !== 'object' || user === null) return undefined;
  const { id, _id, sub } = user as { id?: unknown; _id?: unknown; sub?: unknown };
  return idIn(id) ?? idIn(_id) ?? idIn(sub);
}

/** An id in its JSON form, so that a MongoDB ObjectId is the same principal before and after it is saved. */
function idIn(value: unknown): string | number | undefined {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown };
  const json: unknown = typeof value === 'object' && typeof toJSON === 'function' ? toJSON.call(value) : value;
  return (typeof json === 'string' && json !== '') || (typeof json === 'number' && Number.isFinite(json))
    ? json
    : undefined;
}

/** Whether passport logged somebody in. */
export function hasPassportUser(values: SessionValues): boolean {
  return Boolean((values.passport as { user?: unknown } | null | undefined)?.user);
}

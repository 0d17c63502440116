/** Own fields in which drivers and ORMs put a statement, its parameters, or rows: ids and session data among them. */
const HOLDING_DATA = new Set([
  'command', 'args', 'detail', 'where', 'parameters', 'query', 'internalQuery', 'sql', 'sqlMessage', 'values', 'bindings', 'params',
  'parent', 'original', 'driverError', 'errInfo', 'keyValue', 'writeErrors', 'result', 'errorResponse', 'op', 'meta',
]); // prettier-ignore

/** Takes them from a driver's own error, in place, as apps log the `cause` of ours. */
export function scrub(error: unknown): unknown {
  if (error instanceof Error)
    for (const key of Object.keys(error)) if (HOLDING_DATA.has(key)) Reflect.deleteProperty(error, key);
  return error;
}

/** The error without them, for a log: a copy where it, or a cause of it, has one. What the app was given stays as it is. */
export function scrubbed(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > 8) return error;
  const cause = scrubbed(error.cause, depth + 1);
  if (cause === error.cause && !Object.keys(error).some((key) => HOLDING_DATA.has(key))) return error;
  const copy = new Error(error.message);
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error));
  scrub(copy);
  if (cause !== error.cause) Object.defineProperty(copy, 'cause', { value: cause, configurable: true, writable: true });
  return copy;
}

/** Fields in which drivers and ORMs put statements, parameters or rows, which contain ids and session data. */
const HOLDING_DATA = new Set([
  'command', 'args', 'detail', 'where', 'parameters', 'query', 'internalQuery', 'sql', 'sqlMessage', 'values', 'bindings', 'params',
  'parent', 'original', 'driverError', 'errInfo', 'keyValue', 'writeErrors', 'result', 'errorResponse', 'op', 'meta',
  // In file errors: the file's name is the id.
  'path', 'dest',
]); // prettier-ignore

/** Where a driver's message begins to quote arguments, a document, a value or a path. */
const QUOTED = [
  /,? with args beginning with:.*$/s,
  /(?<= (?:command|dup key|document)):? *\{.*$/s,
  /(?<=invalid (?:input syntax|byte sequence|value)[^:]*): .*$/s,
  /(?<=\bE[A-Z]+: [^,]+, \w+) '.*$/s,
];

/** Removes ids and session data from a driver's error, in place, as apps log the `cause` of our errors. */
export function scrub(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  for (const key of Object.keys(error)) if (HOLDING_DATA.has(key)) Reflect.deleteProperty(error, key);
  const { message, stack } = error;
  const said = wordsOf(message);
  if (said === message) return error;
  for (const [key, value] of [
    ['message', said],
    ['stack', stack?.replace(message, () => said)],
  ] as const) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  }
  return error;
}

/**
 * The error without ids and session data, for a log. It is a copy if something was removed: the app's error stays as it
 * is.
 */
export function scrubbed(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > 8) return error;
  const inner = new Map<string, unknown>();
  for (const key of Object.getOwnPropertyNames(error)) {
    const value: unknown = Reflect.get(error, key);
    const clean = Array.isArray(value) ? cleanList(value, depth) : scrubbed(value, depth + 1);
    if (clean !== value) inner.set(key, clean);
  }
  const isClean = wordsOf(error.message) === error.message && !Object.keys(error).some((key) => HOLDING_DATA.has(key));
  if (isClean && inner.size === 0) return error;
  const copy = new Error(error.message);
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error));
  // From Node 26 on, `stack` is an accessor, which each error has itself.
  inner.set('stack', error.stack);
  for (const [key, value] of inner) Object.defineProperty(copy, key, { value, configurable: true, writable: true });
  return scrub(copy);
}

function cleanList(list: unknown[], depth: number): unknown[] {
  const clean = list.map((each) => scrubbed(each, depth + 1));
  return clean.every((each, n) => each === list[n]) ? list : clean;
}

/** A driver's message without what it quotes. */
export const wordsOf = (message: unknown): string =>
  QUOTED.reduce((said, quoted) => said.replace(quoted, ''), String(message));

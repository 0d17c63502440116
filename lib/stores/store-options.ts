import { LONGEST_TIMER_MS } from '../common/deadline.js';
import { inSeconds, show } from '../common/duration.js';
import { hasMethods } from '../common/has-methods.js';
import { type Place, readByRules, type Resolved, type Rule, rule, unknownName } from '../common/option-rules.js';
import { type Clock, systemClock } from './clock.js';

/** The names that the stores of express-session use. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  constring: 'connectionString',
  mongourl: 'url',
  clientpromise: 'client',
  mongooptions: 'clientOptions',
};

/** The longest interval of a `Pruner`, in ms (16 days): its delays are up to one and a half times as long. */
export const LONGEST_INTERVAL_MS = Math.floor(LONGEST_TIMER_MS / 1.5);

/** The longest lifetime that fits into a number of ms. */
export const LONGEST_LIFE_MS = Number.MAX_SAFE_INTEGER;

/**
 * Reads a store's options by its table of rules. An unknown name is refused, so that a typo or another library's option
 * is not silently ignored.
 *
 * @throws TypeError: one sentence with the store, the option, the value that was given and what it takes.
 */
export function readStoreOptions<Table extends Record<string, Rule<unknown>>>(
  store: string,
  table: Table,
  options: unknown,
): Resolved<Table> {
  const given = options ?? (options === undefined ? {} : null);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`The options of ${store} must be an object.`);
  }
  const known = Object.keys(table);
  const unknown = unknownName(given, known, wordsOf(known));
  if (unknown !== undefined) {
    throw new TypeError(
      `"${unknown.name}" is no option of ${store}; the options are ${known.join(', ')}.${unknown.question}`,
    );
  }
  return readByRules(table, given, (option) => placeIn(store, option));
}

/** The clock of a store. */
export const clock = rule<Clock>(systemClock, (value, place) => {
  if (hasMethods(value, 'now')) return value as Clock;
  throw place.says('takes an object with now(), which returns ms since the epoch');
});

/**
 * Warns of a duration of less than a minute: another library has an option of the same name in seconds.
 *
 * @param elsewhere that library.
 */
export function warnOfShort(store: string, option: string, value: unknown, elsewhere: string, code: string): void {
  if (typeof value !== 'number' || value >= 60_000) return;
  warnAs(code)(
    `${store}: "${option}" is ${value} ms, which is ${inSeconds(value)}. If you mean seconds, as in ${elsewhere}, write ${value * 1_000}.`,
  );
}

/** Warns as the process does, as a store has no logger. */
export const warnAs =
  (code: string) =>
  (message: string): void =>
    process.emitWarning(message, { type: 'KeycardWarning', code });

const placeIn = (store: string, option: string): Place => {
  const says = (rest: string): TypeError => new TypeError(`${store}: "${option}" ${rest}.`);
  return {
    option,
    says,
    wrong: (value, takes) => says(`is ${show(value)} and takes ${takes}`),
    wrongType: (value, takes) => says(`is ${typeof value} and takes ${takes}`),
  };
};

const wordsOf = (known: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(OTHER_NAMES).filter(([, ours]) => known.includes(ours)));

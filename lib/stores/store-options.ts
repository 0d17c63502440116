import { didYouMean } from '../common/did-you-mean.js';

/** What the stores of express-session call it. */
const PEERS_WORDS: Readonly<Record<string, string>> = {
  constring: 'connectionString',
  prunesessioninterval: 'pruneInterval',
  mongourl: 'url',
  clientpromise: 'client',
  mongooptions: 'clientOptions',
};

/**
 * Options that a store doesn't have are refused, so that a slip of the pen, or an option of the library that one comes
 * from, isn't passed over in silence.
 *
 * @throws TypeError, a sentence that names the option and those there are.
 */
export function checkNames(store: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${store} takes its options as an object.`);
  }
  const strange = Object.keys(options).find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new TypeError(
      `"${strange}" is no option of ${store}; the options are ${known.join(', ')}.${didYouMean(strange, known, wordsOf(known))}`,
    );
  }
}

const wordsOf = (known: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(PEERS_WORDS).filter(([, ours]) => known.includes(ours)));

/** @throws TypeError, a sentence that names the option. */
export function checkPositive(store: string, option: string, unit: string, value: unknown, most: number): void {
  if (value === undefined || (typeof value === 'number' && value > 0 && value <= most)) return;
  throw new TypeError(
    `${store}: "${option}" is ${show(value)} and takes a number of ${unit} above 0, at most ${most}.`,
  );
}

/** A value as an error shows it. */
export const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

/** @throws TypeError, a sentence that names the option. */
export function checkBoolean(store: string, option: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new TypeError(`${store}: "${option}" is ${typeof value} and takes true or false.`);
}

/** @throws TypeError, a sentence that names the option. */
export function checkClock(store: string, value: unknown): void {
  if (value === undefined || typeof (value as { now?: unknown } | null)?.now === 'function') return;
  throw new TypeError(`${store}: "clock" takes an object with now(), which gives ms since the epoch.`);
}

/** The longest wait that a Node timer takes, in ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

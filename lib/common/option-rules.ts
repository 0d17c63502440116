import { didYouMean } from './did-you-mean.js';
import { durationMs } from './duration.js';
import { hasMethods } from './has-methods.js';

/** Makes the errors about one option: the engine's, or a store's. */
export interface Place {
  readonly option: string;
  /** The value can't be used; `takes` says which values can. */
  wrong(value: unknown, takes: string): Error;
  /** Any other sentence, which continues after the option's name. */
  says(rest: string): Error;
  /** The value has the wrong type. */
  wrongType(value: unknown, takes: string): Error;
}

/** One option: its default, and how a given value is checked and converted. */
export interface Rule<T> {
  /** Converts a given value; `undefined` to the default. */
  readonly read: (value: unknown, place: Place) => T;
}

/**
 * A rule for each option of an interface. `satisfies Rules<Options>` reports an option without a rule, and a rule
 * without an option.
 */
export type Rules<Options> = { readonly [Name in keyof Options]-?: Rule<unknown> };

/** The type of the options that a table of rules reads. */
export type Resolved<Table> = { readonly [Name in keyof Table]: Table[Name] extends Rule<infer T> ? T : never };

/** Reads all options by their rules. The given object is never changed. */
export function readByRules<Table extends Record<string, Rule<unknown>>>(
  table: Table,
  options: object,
  placeOf: (option: string) => Place,
): Resolved<Table> {
  const read = Object.entries(table).map(([name, rule]) => {
    const value = (options as Record<string, unknown>)[name];
    return [name, rule.read(value, placeOf(name))] as const;
  });
  return Object.fromEntries(read) as Resolved<Table>;
}

/** The first unknown name, and a question with a similar name; `undefined` if all are known. */
export function unknownName(
  options: object,
  known: readonly string[],
  otherWords: Readonly<Record<string, string>> = {},
): { readonly name: string; readonly question: string } | undefined {
  const name = Object.keys(options).find((each) => !known.includes(each));
  return name === undefined ? undefined : { name, question: didYouMean(name, known, otherWords) };
}

/** A custom rule. `byDefault` is not converted. */
export function rule<T>(byDefault: T, read: (value: unknown, place: Place) => T): Rule<T> {
  return { read: (value, place) => (value === undefined ? byDefault : read(value, place)) };
}

/** The value unchanged; another module checks it. */
export const asGiven = <T>(): Rule<T | undefined> => rule<T | undefined>(undefined, (value) => value as T);

export const flag = <T extends boolean | undefined>(byDefault: T): Rule<boolean | T> =>
  rule<boolean | T>(byDefault, (value, place) => {
    if (typeof value !== 'boolean') throw place.wrongType(value, 'true or false');
    return value;
  });

/** One of several strings; the first is the default. */
export const choice = <T extends string>(...choices: readonly [T, ...T[]]): Rule<T> =>
  rule<T>(choices[0], (value, place) => {
    if (!choices.includes(value as T)) throw place.wrong(value, choices.map((each) => `'${each}'`).join(' or '));
    return value as T;
  });

export const callback = <T>(byDefault: T): Rule<T> =>
  rule(byDefault, (value, place) => {
    if (typeof value !== 'function') throw place.wrong(value, 'a function');
    return value as T;
  });

/** An object that has these methods. */
export const having = <T>(byDefault: T, methods: readonly string[], takes: string): Rule<T> =>
  rule(byDefault, (value, place) => {
    if (!hasMethods(value, ...methods)) throw place.wrong(value, takes);
    return value as T;
  });

export const wholeNumber = <T>(byDefault: T, takes = 'a whole number above 0'): Rule<number | T> =>
  rule<number | T>(byDefault, (value, place) => {
    if (!Number.isSafeInteger(value) || (value as number) <= 0) throw place.wrong(value, takes);
    return value as number;
  });

/** The limits of a duration. */
export interface DurationLimits {
  /** How many ms the unit of a number has: 1, or 1,000 for a name that another library uses with seconds. */
  readonly unitMs?: 1 | 1_000;
  /** The longest, in that unit. */
  readonly most: number;
  /** Whether a number must be whole. Text is never rounded. */
  readonly isWhole?: boolean;
}

/** A duration: a number of ms (or of seconds, by `unitMs`), or text such as `'90s'`. The result is in ms. */
export const duration = <T>(byDefault: T, { unitMs = 1, most, isWhole = false }: DurationLimits): Rule<number | T> =>
  rule<number | T>(byDefault, (value, place) => {
    const ms = typeof value === 'number' && unitMs !== 1 ? value * unitMs : durationMs(value);
    if (ms > 0 && ms <= most * unitMs && !(isWhole && typeof value === 'number' && !Number.isInteger(value))) return ms;
    const unit = unitMs === 1 ? 'ms' : 'seconds';
    throw place.wrong(
      value,
      `${isWhole ? 'a whole number' : 'a number'} of ${unit} above 0, at most ${most}, or text such as '90s', '15m'`,
    );
  });

/** `false`, or what another rule accepts. */
export const orFalse = <T>(other: Rule<T>): Rule<T | false> => ({
  read: (value, place) => (value === false ? false : other.read(value, place)),
});

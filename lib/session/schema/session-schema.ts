import type { StandardSchemaV1 } from '@standard-schema/spec';
import { SessionDataError } from '../../common/errors.js';
import type { SessionValues } from '../../record/record-text.js';
import { type Fields, fieldsOf } from './schema-fields.js';

/** The result of applying a schema to stored data. */
export interface Reading {
  /** What the app gets: with defaults, and with keys that the schema doesn't name unchanged. */
  readonly values: SessionValues;
  /** Keys that don't fit, with the reason. They aren't in `values`. */
  readonly refused: ReadonlyMap<string, string>;
}

type Issue = StandardSchemaV1.Issue;

/** A key that no schema names. */
const UNKNOWN_KEY = 'keycard_key_that_no_schema_names';
/** One value of each kind. A schema that refuses all of them refuses the key. */
const PROBES: readonly unknown[] = ['', 0, true, null, [], {}];
const MOST_KNOWN = 1_000;

/**
 * A Standard Schema as sessions need it:
 *
 * - A key that the schema doesn't name is kept, even by a strict schema: another library may have set it.
 * - A required key that is missing is no error, as every session begins empty.
 */
export class DataSchema {
  private readonly fields: Fields | undefined;
  /** For each key: whether a strict schema refuses it because of its name. */
  private readonly refusedNames = new Map<string, boolean>();

  private readonly examined = new Set<string>();

  constructor(
    private readonly schema: StandardSchemaV1,
    private readonly warn: (message: string) => void,
  ) {
    this.fields = fieldsOf(schema);
  }

  /** @param stored JSON values; a copy that is used nowhere else. */
  read(stored: SessionValues): Reading {
    const refused = new Map<string, string>();
    const asked = { ...stored };
    // Each round removes at least one key, so the loop ends.
    for (;;) {
      const result = this.validate(asked);
      if (result.issues === undefined) return this.reading(stored, result.value as SessionValues, refused);
      if (this.setRefusedNamesAside(asked)) continue;
      const unfit = result.issues.filter((issue) => isAbout(issue, asked));
      if (unfit.length === 0) return this.reading(stored, this.byField(asked, refused), refused);
      for (const issue of unfit) {
        const key = topLevelKey(issue)!;
        refused.set(key, refused.get(key) ?? issue.message);
        delete asked[key];
      }
    }
  }

  /**
   * Checks the values as they will be after a round trip through JSON.
   *
   * @throws SessionDataError naming the key.
   */
  check(stored: SessionValues): void {
    const asked = { ...stored };
    let result = this.validate(asked);
    if (result.issues !== undefined && this.setRefusedNamesAside(asked)) result = this.validate(asked);
    if (result.issues === undefined) {
      this.examine(asked, result.value as SessionValues);
      return;
    }
    const issue = this.problemOf(asked, result.issues);
    if (issue === undefined) return;
    const key = topLevelKey(issue);
    const what = key === undefined ? 'The session' : `session.${key}, after a round trip through JSON,`;
    throw new SessionDataError('SCHEMA', `${what} doesn't fit the schema: ${issue.message}. Nothing was saved.`);
  }

  /**
   * Warns once for each key whose transform changes its own result: a value that the app writes would be read as
   * another one.
   */
  private examine(stored: SessionValues, output: SessionValues): void {
    for (const key of Object.keys(stored)) {
      if (this.examined.has(key) || this.examined.size >= MOST_KNOWN) continue;
      this.examined.add(key);
      const once = JSON.stringify(output[key]) as string | undefined;
      if (once === undefined || once === JSON.stringify(stored[key])) continue;
      const again = this.validate({ ...stored, [key]: JSON.parse(once) });
      if (again.issues === undefined && JSON.stringify((again.value as SessionValues)[key]) === once) continue;
      this.warn(
        `session.${key}: the schema changes a value that it returned itself, so a value that the app saves is read back as another one. Make the transform leave its own results unchanged.`,
      );
    }
  }

  private reading(stored: SessionValues, output: SessionValues, refused: ReadonlyMap<string, string>): Reading {
    const values = { ...stored, ...(ownCopy(output) as SessionValues) };
    for (const key of refused.keys()) if (!Object.hasOwn(output, key)) delete values[key];
    return { values, refused };
  }

  /** The rest lacks a required key, or doesn't fit as a whole. So each key is validated by itself. */
  private byField(asked: SessionValues, refused: Map<string, string>): SessionValues {
    const output: SessionValues = {};
    for (const [key, field] of this.fields ?? []) {
      const isThere = Object.hasOwn(asked, key);
      if (!isThere && field.makeDefault !== undefined) {
        output[key] = field.makeDefault();
        continue;
      }
      const result = validated(field.schema, asked[key]);
      if (result.issues !== undefined) {
        if (isThere) refused.set(key, result.issues[0]?.message ?? 'it is refused');
      } else if (result.value !== undefined) output[key] = result.value;
    }
    return output;
  }

  private problemOf(asked: SessionValues, issues: readonly Issue[]): Issue | undefined {
    const unfit = issues.find((each) => isAbout(each, asked));
    if (unfit !== undefined) return unfit;
    for (const [key, field] of this.fields ?? []) {
      const said = Object.hasOwn(asked, key) ? validated(field.schema, asked[key]).issues?.[0] : undefined;
      if (said !== undefined) return { message: said.message, path: [key] };
    }
    return issues.find((each) => topLevelKey(each) === undefined);
  }

  private setRefusedNamesAside(asked: SessionValues): boolean {
    let found = false;
    for (const key of Object.keys(asked)) {
      if (!this.refusesName(key, asked[key])) continue;
      delete asked[key];
      found = true;
    }
    return found;
  }

  /**
   * Whether the schema refuses this key because of its name. Standard Schema has no way to ask, so it is tried: the
   * schema says the same of a name that it can't know, with every kind of value.
   */
  private refusesName(key: string, value: unknown): boolean {
    if (this.fields?.has(key) === true) return false;
    const known = this.refusedNames.get(key);
    if (known !== undefined) return known;
    const said = this.complaints(key, value);
    const isRefused =
      said !== this.complaints() &&
      said === this.complaints(UNKNOWN_KEY, value).replaceAll(UNKNOWN_KEY, key) &&
      this.refusesUnknownNames();
    if (this.refusedNames.size < MOST_KNOWN) this.refusedNames.set(key, isRefused);
    return isRefused;
  }

  private refusesUnknownNames(): boolean {
    const none = this.complaints();
    return PROBES.every((probe) => this.complaints(UNKNOWN_KEY, probe) !== none);
  }

  private complaints(key?: string, value?: unknown): string {
    const { issues = [] } = this.validate(key === undefined ? {} : { [key]: value });
    return issues
      .map((issue) => `${topLevelKey(issue) ?? ''}: ${issue.message}`)
      .sort()
      .join('\n');
  }

  private validate(values: SessionValues): StandardSchemaV1.Result<unknown> {
    return validated(this.schema, { ...values });
  }
}

/** A transform that throws means that the value doesn't fit. With zod this looks like an asynchronous schema. */
function validated(schema: StandardSchemaV1, value: unknown): StandardSchemaV1.Result<unknown> {
  let result: ReturnType<StandardSchemaV1['~standard']['validate']>;
  try {
    result = schema['~standard'].validate(value);
  } catch (error) {
    return { issues: [{ message: error instanceof Error ? error.message : String(error) }] };
  }
  if (!(result instanceof Promise)) return result;
  // No one awaits this promise, so its rejection must not end the process.
  result.catch(() => {});
  return {
    issues: [{ message: 'it can not be validated synchronously: part of the schema is asynchronous, or threw' }],
  };
}

/** Libraries return the same default object each time. Without a copy, all sessions would share it. */
function ownCopy(value: unknown, known = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return new Date(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value;
  const found = known.get(value);
  if (found !== undefined) return found;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  known.set(value, copy);
  for (const [key, item] of Object.entries(value)) {
    const own = ownCopy(item, known);
    // Assigning this name would set the prototype.
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: own, writable: true, enumerable: true, configurable: true });
    else (copy as Record<string, unknown>)[key] = own;
  }
  return copy;
}

function isAbout(issue: Issue, values: SessionValues): boolean {
  const key = topLevelKey(issue);
  return key !== undefined && Object.hasOwn(values, key);
}

function topLevelKey(issue: Issue): string | undefined {
  const first = issue.path?.[0];
  if (first === undefined) return undefined;
  return String(typeof first === 'object' ? first.key : first);
}

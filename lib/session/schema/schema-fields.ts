import type { StandardSchemaV1 } from '@standard-schema/spec';

/** One key of an object schema. */
export interface Field {
  readonly schema: StandardSchemaV1;
  /** Its default, if the key's own schema doesn't apply it. */
  readonly makeDefault?: () => unknown;
}

/** The keys of an object schema. */
export type Fields = ReadonlyMap<string, Field>;

/** How arktype describes a key. */
interface ArkProperty {
  readonly key: unknown;
  readonly value: unknown;
  readonly default?: unknown;
  hasDefault?(): boolean;
}

/**
 * The schemas of the keys of an object schema: zod's `shape`, valibot's `entries`, arktype's `props`. Standard Schema
 * has no way to ask for them. `undefined`: the library doesn't show them, so only the whole object can be validated.
 */
export function fieldsOf(schema: StandardSchemaV1): Fields | undefined {
  const { shape, entries, props } = schema as { shape?: unknown; entries?: unknown; props?: unknown };
  if (Array.isArray(props)) return fromProperties(props as ArkProperty[]);
  const record = shape ?? entries;
  if (typeof record !== 'object' || record === null) return undefined;
  const fields = Object.entries(record);
  return fields.every(([, field]) => isSchema(field))
    ? new Map(fields.map(([key, field]) => [key, { schema: field as StandardSchemaV1 }]))
    : undefined;
}

function fromProperties(props: readonly ArkProperty[]): Fields | undefined {
  const fields = new Map<string, Field>();
  for (const property of props) {
    if (typeof property.key !== 'string' || !isSchema(property.value)) return undefined;
    if (property.hasDefault?.() !== true) fields.set(property.key, { schema: property.value });
    else fields.set(property.key, { schema: property.value, makeDefault: () => defaultOf(property) });
  }
  return fields;
}

/** arktype defaults that are objects are functions. */
function defaultOf(property: ArkProperty): unknown {
  return typeof property.default === 'function' ? (property.default as () => unknown)() : property.default;
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  const standard = (value as { '~standard'?: { validate?: unknown } } | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

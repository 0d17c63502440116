import type { StandardSchemaV1 } from '@standard-schema/spec';
import { SessionDataError, SessionOptionsError } from './errors.js';
import type { SessionValues } from './record-text.js';
import type { SessionCore } from './session-core.js';

/** The data as schema and migration want it: defaults filled in, a key that is refused dropped, unknown keys kept. */
export function applySchema(core: SessionCore, loaded: SessionValues): SessionValues {
  const { options, events } = core.manager;
  let values = loaded;
  const isNew = core.status === 'new';
  if (!isNew && options.migrate !== undefined && core.facts.m !== options.schemaVersion) {
    values = options.migrate({ ...values }, core.facts.m);
    if (typeof values !== 'object' || values === null) throw new SessionOptionsError('"migrate" gave no object; it takes the old data and gives the new.');
  }
  if (options.schema === undefined) return values;
  // Each round drops at least one key, so it ends.
  for (;;) {
    const result = validate(options.schema, values);
    if (result.issues === undefined) return { ...values, ...(result.value as SessionValues) };
    const refused = new Set(result.issues.map((issue) => topLevelKey(issue)));
    const present = [...refused].filter((key): key is string => key !== undefined && Object.hasOwn(values, key));
    // What is left lacks a required key: so does any new session, and types say that it may.
    if (present.length === 0) return values;
    values = { ...values };
    for (const key of present) {
      delete values[key];
      events.emit('key-dropped', isNew ? undefined : core.key, { handle: core.facts.h, reason: key });
      options.logger.warn(`The session's key "${key}" doesn't fit the schema; it was dropped, and the session goes on without it.`);
    }
  }
}

/**
 * Checks data before it is written, as it will read after a round trip through JSON. A required key that isn't there yet is no error.
 *
 * @throws SessionDataError naming the key.
 */
export function checkSchema(schema: StandardSchemaV1, json: string): void {
  const values = JSON.parse(json) as SessionValues;
  const issue = validate(schema, values).issues?.find((each) => {
    const key = topLevelKey(each);
    return key !== undefined && Object.hasOwn(values, key);
  });
  if (issue !== undefined) {
    throw new SessionDataError('SCHEMA', `session.${topLevelKey(issue)} doesn't fit the schema: ${issue.message}. Nothing was saved.`);
  }
}

function validate(schema: StandardSchemaV1, values: SessionValues): StandardSchemaV1.Result<unknown> {
  const result = schema['~standard'].validate({ ...values });
  if (result instanceof Promise) throw new SessionOptionsError('"schema" is asynchronous; a session takes a schema that validates at once.');
  return result;
}

function topLevelKey(issue: StandardSchemaV1.Issue): string | undefined {
  const first = issue.path?.[0];
  if (first === undefined) return undefined;
  return String(typeof first === 'object' ? first.key : first);
}

import { METADATA_KEY } from '../common/metadata-key.js';

const QUOTED_KEY = `"${METADATA_KEY}":`;

/** What a store reads from a record's metadata: whose session it is, and when it ends, in ms since the epoch. */
export interface RecordMetadata {
  readonly principal: string | undefined;
  readonly expiresAt: number | undefined;
}

/**
 * The metadata that a record's text shows; `undefined` if it shows none, as an encrypted one does. The engine writes them last, so that only
 * their few bytes have to be parsed; a peer may have put data after them.
 */
export function metadataInText(text: string): RecordMetadata | undefined {
  const at = text.lastIndexOf(QUOTED_KEY);
  if (at === -1) return undefined;
  // After a nested key of this name there is a brace too many, so it doesn't parse.
  const last = parse(text.slice(at + QUOTED_KEY.length, -1));
  return last === undefined ? metadataIn(parse(text)) : readMetadata(last);
}

/** The metadata of a record that was parsed. */
export function metadataIn(record: unknown): RecordMetadata | undefined {
  return isObject(record) ? readMetadata(record[METADATA_KEY]) : undefined;
}

function readMetadata(json: unknown): RecordMetadata | undefined {
  if (!isObject(json)) return undefined;
  const { p, e } = json;
  return { principal: typeof p === 'string' ? p : undefined, expiresAt: typeof e === 'number' ? e : undefined };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON: the engine, which reads records, reports it.
  }
}

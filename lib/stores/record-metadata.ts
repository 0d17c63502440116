import { METADATA_KEY } from '../common/metadata-key.js';
import { parseJson } from '../common/parse-json.js';

const QUOTED_KEY = `"${METADATA_KEY}":`;

/** What a store reads from a record's metadata: the principal, and the expiry in ms since the epoch. */
export interface RecordMetadata {
  readonly principal: string | undefined;
  readonly expiresAt: number | undefined;
}

/**
 * The metadata in a record's text; `undefined` if there are none, as in an encrypted record. The engine writes them
 * last, so only a few bytes have to be parsed. express-session may have added data behind them.
 */
export function metadataInText(text: string): RecordMetadata | undefined {
  const at = text.lastIndexOf(QUOTED_KEY);
  if (at === -1) return undefined;
  // If the key were nested, a brace would remain behind it, and this would not parse.
  const last = parseJson(text.slice(at + QUOTED_KEY.length, -1));
  return last === undefined ? metadataIn(parseJson(text)) : readMetadata(last);
}

/** The metadata of a parsed record. */
export function metadataIn(record: unknown): RecordMetadata | undefined {
  return isObject(record) ? readMetadata(record[METADATA_KEY]) : undefined;
}

function readMetadata(json: unknown): RecordMetadata | undefined {
  if (!isObject(json)) return undefined;
  const { p, e } = json;
  return { principal: typeof p === 'string' ? p : undefined, expiresAt: typeof e === 'number' ? e : undefined };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

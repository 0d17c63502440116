import { METADATA_KEY } from '../common/metadata-key.js';
import { parseJson } from '../common/parse-json.js';
import { decodeMetadata, encodeMetadata } from './metadata-codec.js';
import type { SessionMetadata } from './session-metadata.js';

/**
 * A record's text has three parts: `{"cookie":{…}`, then `,"key":…` for the data, then `,"__keycard":{…}}`.
 * express-session keeps that order, so the parts are found by their ends. A text in another form is parsed as a whole.
 */
const COOKIE_START = '{"cookie":{';
const METADATA_START = `,"${METADATA_KEY}":`;

/** Deeper data are refused: `JSON.stringify` is recursive, and a request must not overflow the stack. */
const DEEPEST = 500;

/** The data of a session: its JSON values by top-level key. */
export type SessionValues = Record<string, unknown>;

/** A record that is about to be written. */
export interface RecordToWrite {
  readonly text: string;
  readonly metadata: SessionMetadata;
  /** The JSON of the `cookie` part. */
  readonly cookie: string;
}

/** A record as read: its text, its metadata, and its data when they are asked for. */
export class ParsedRecord {
  private constructor(
    readonly text: string,
    /** `undefined`: express-session wrote the record, so it has no metadata. */
    readonly metadata: SessionMetadata | undefined,
    private readonly dataStart: number,
    /** 0: the text is in another form. */
    private readonly dataEnd: number,
  ) {}

  /** Reads the metadata, and leaves the data unparsed. A string is the reason why the text is no session. */
  static read(text: string, maxBytes: number): ParsedRecord | string {
    if (text.length > maxBytes) return 'too large';
    if (tooDeep(text)) return 'nested too deep';
    return ParsedRecord.readTail(text) ?? ParsedRecord.readWhole(text);
  }

  private static readTail(text: string): ParsedRecord | undefined {
    if (!text.startsWith(COOKIE_START)) return undefined;
    const end = text.lastIndexOf(METADATA_START);
    if (end === -1) return undefined;
    // If `__keycard` were nested, a brace would remain behind it, and it would not parse.
    const metadata = decodeMetadata(parseJson(text.slice(end + METADATA_START.length, -1)));
    if (metadata === undefined) return undefined;
    const cookieEnd = endOfCookie(text);
    return cookieEnd > 0 && cookieEnd <= end ? new ParsedRecord(text, metadata, cookieEnd, end) : undefined;
  }

  private static readWhole(text: string): ParsedRecord | string {
    const whole = objectIn(text);
    if (typeof whole === 'string') return whole;
    const own = whole[METADATA_KEY];
    const metadata = decodeMetadata(own);
    if (own !== undefined && metadata === undefined) return 'its metadata can not be read';
    return new ParsedRecord(text, metadata, 0, 0);
  }

  /** Whether the data are exactly this JSON text. If `false`, they may still be equal: compare by key. */
  hasData(json: string): boolean {
    const length = json.length - 2;
    if (this.dataEnd === 0) return false;
    if (length === 0) return this.dataEnd === this.dataStart;
    return (
      this.dataEnd - this.dataStart === length + 1 &&
      this.text.charCodeAt(this.dataStart) === 0x2c &&
      // V8 compares whole texts at once, but letter by letter in `startsWith`.
      this.text.slice(this.dataStart + 1, this.dataEnd) === json.slice(1, -1)
    );
  }

  /** A new copy of the data, or the reason why they can't be read. */
  data(): SessionValues | string {
    if (this.dataEnd > 0) {
      if (this.dataStart === this.dataEnd) return {};
      if (this.text.charCodeAt(this.dataStart) === 0x2c) {
        const values = parseJson(`{${this.text.slice(this.dataStart + 1, this.dataEnd)}}`);
        if (values !== undefined)
          return Object.hasOwn(values as object, '__proto__')
            ? 'it holds the key __proto__'
            : (values as SessionValues);
      }
    }
    const whole = objectIn(this.text);
    if (typeof whole === 'string') return whole;
    const { cookie: _cookie, [METADATA_KEY]: _metadata, ...values } = whole;
    return values;
  }

  /** The `cookie` part; `undefined` if it is missing or unreadable. */
  cookie(): unknown {
    return (parseJson(this.text) as SessionValues | undefined)?.cookie;
  }

  /**
   * The text between the cookie and the metadata, to be written again unchanged; `undefined` if this package didn't
   * write the record.
   */
  rawData(): string | undefined {
    if (this.dataEnd === 0) return undefined;
    const first = this.text.charCodeAt(this.dataStart);
    if (this.dataStart !== this.dataEnd && first !== 0x2c) return undefined;
    return this.text.slice(this.dataStart, this.dataEnd);
  }
}

/** An object in JSON text, or the reason why it is no session. */
function objectIn(text: string): SessionValues | string {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a JSON object';
  return Object.hasOwn(value, '__proto__') ? 'it holds the key __proto__' : (value as SessionValues);
}

/** Makes the text of a record. `data` is the JSON of the values, `{}` if there are none. */
export function recordText(cookie: string, data: string, metadata: SessionMetadata): string {
  return recordTextWithRaw(cookie, data.length > 2 ? `,${data.slice(1, -1)}` : '', metadata);
}

/** Makes a record without data. express-session reads it as an empty session whose cookie expires at `end`. */
export function emptyRecord(metadata: SessionMetadata, end: number): RecordToWrite {
  const cookie = JSON.stringify({
    originalMaxAge: end - metadata.seenAt,
    expires: new Date(end).toISOString(),
    httpOnly: true,
    path: '/',
  });
  return { text: recordText(cookie, '{}', metadata), metadata, cookie };
}

/** Like `recordText`, from data as `rawData` returns them. */
export function recordTextWithRaw(cookie: string, raw: string, metadata: SessionMetadata): string {
  return `{"cookie":${cookie}${raw}${METADATA_START}${encodeMetadata(metadata)}}`;
}

/**
 * The position after the brace that closes the cookie; 0 if there is none. Braces within strings, such as a path, don't
 * count.
 */
function endOfCookie(text: string): number {
  let brace = text.indexOf('}', COOKIE_START.length);
  let quote = text.indexOf('"', COOKIE_START.length);
  while (quote !== -1 && quote < brace) {
    let end = text.indexOf('"', quote + 1);
    while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end === -1) return 0;
    if (brace < end) brace = text.indexOf('}', end);
    quote = text.indexOf('"', end + 1);
  }
  return brace + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}

/** Whether JSON text is nested deeper than a session may be. */
export function tooDeep(text: string): boolean {
  if (text.length < DEEPEST * 2) return false;
  // Most texts have fewer brackets than that, which is quick to see.
  const opening = countOf(text, '{', DEEPEST);
  if (opening + countOf(text, '[', DEEPEST - opening) <= DEEPEST) return false;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > DEEPEST) return true;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return false;
}

/** How often a letter occurs. Stops counting above `enough`. */
function countOf(text: string, letter: string, enough: number): number {
  let count = 0;
  for (let at = text.indexOf(letter); at !== -1 && count <= enough; at = text.indexOf(letter, at + 1)) count += 1;
  return count;
}

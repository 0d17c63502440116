import { parseJson } from '../../common/parse-json.js';
import { SessionStoreError } from '../session-store.error.js';

/**
 * The content of a file: the session's JSON, with `__lastAccess` (ms) at its end, as session-file-store writes it. The
 * session expires at `__lastAccess` + (`cookie.originalMaxAge` or the ttl). In front of it may be `__keycardFile`: the
 * id, if the file's name doesn't show it, and the principal's tag.
 */
export interface FileContent extends Ours {
  readonly text: string;
  readonly expiresAt: number;
}

interface Ours {
  /** The id, if the file's name is a hash. */
  readonly id?: string | undefined;
  /** The hash of the principal under which the session is listed. */
  readonly tag?: string | undefined;
}

const ACCESS = '"__lastAccess":';
const OURS = '"__keycardFile":';
const AGE_IN_PLACE = /^\{"cookie":\{"originalMaxAge":(-?\d+|null)[,}]/;
const NUMBER_AT_END = /(-?\d+(?:\.\d+)?)\}$/y;

/** Makes the content of a record's file. */
export function encode(content: FileContent, ttl: number): string {
  const { text, expiresAt, id, tag } = content;
  if (!text.startsWith('{') || !text.endsWith('}')) {
    throw new SessionStoreError('REFUSED', 'FileStore keeps JSON objects, but the text of this record is none.');
  }
  const body = text.slice(0, -1);
  const comma = body.length > 1 ? ',' : '';
  const ours = id === undefined && tag === undefined ? '' : `${OURS}${JSON.stringify({ id, tag })},`;
  const end = Number.isFinite(expiresAt) ? expiresAt : Number.MAX_SAFE_INTEGER;
  return `${body}${comma}${ours}${ACCESS}${end - lifeOf(text, ttl)}}`;
}

/** Parses a content; `undefined` if it isn't in this format. */
export function decode(content: string, ttl: number): FileContent | undefined {
  const start = content.lastIndexOf(ACCESS);
  NUMBER_AT_END.lastIndex = start + ACCESS.length;
  // A quote directly behind a comma or a brace can't be within a string, and a brace at the very end closes the root.
  const before = content[start - 1];
  const access = (before === ',' || before === '{') && content.startsWith('{') && NUMBER_AT_END.exec(content)?.[1];
  if (!access) return decodeSlowly(content, ttl);
  const { body, id, tag } = withoutOurs(content.slice(0, before === ',' ? start - 1 : start));
  const text = `${body}}`;
  return { text, expiresAt: Number(access) + lifeOf(content, ttl), id, tag };
}

/** For a record that session-file-store wrote with keys behind `__lastAccess`. */
function decodeSlowly(content: string, ttl: number): FileContent | undefined {
  const json = parseJson(content);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { __lastAccess: access, __keycardFile: ours, ...rest } = json as Record<string, unknown>;
  if (typeof access !== 'number') return undefined;
  const text = stringified(rest);
  return text === undefined ? undefined : { text, expiresAt: access + lifeOf(text, ttl), ...known(ours) };
}

/** How long session-file-store keeps a session after its last access, in ms. */
function lifeOf(text: string, ttl: number): number {
  const quick = AGE_IN_PLACE.exec(text)?.[1];
  const age = quick === undefined ? ageOf(parseJson(text)) : Number(quick === 'null' ? 0 : quick);
  return age || ttl;
}

function ageOf(json: unknown): number {
  const age = (json as { cookie?: { originalMaxAge?: unknown } } | null | undefined)?.cookie?.originalMaxAge;
  return typeof age === 'number' && Number.isFinite(age) ? age : 0;
}

function withoutOurs(body: string): Ours & { readonly body: string } {
  if (!body.endsWith('}')) return { body };
  const start = body.lastIndexOf(OURS);
  const before = body[start - 1];
  if (before !== ',' && before !== '{') return { body };
  // If it is nested, or not the last key, the rest is no valid JSON.
  const ours = parseJson(body.slice(start + OURS.length));
  return ours === undefined ? { body } : { body: body.slice(0, before === ',' ? start - 1 : start), ...known(ours) };
}

function known(ours: unknown): Ours {
  const { id, tag } = (ours ?? {}) as Record<string, unknown>;
  return {
    id: typeof id === 'string' ? id : undefined,
    tag: typeof tag === 'string' && /^[0-9a-f]{32}$/.test(tag) ? tag : undefined,
  };
}

function stringified(values: object): string | undefined {
  try {
    return JSON.stringify(values);
  } catch {
    // JSON.parse accepts deeper nesting. That is no session, and must not make a list fail.
    return undefined;
  }
}

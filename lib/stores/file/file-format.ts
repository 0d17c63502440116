import { SessionStoreError } from '../session-store.error.js';

/**
 * The content of a file: the session's JSON, and at its end what session-file-store adds, `__lastAccess` in ms, so
 * that `__lastAccess` + (`cookie.originalMaxAge` or the ttl) is the moment at which the session ends. Before that,
 * if there is something to say, `__keycardFile`: the id, if the name doesn't tell it, and the principal's tag.
 */
export interface FileContent {
  readonly text: string;
  readonly expiresAt: number;
  /** The id, if the file's name is a hash. */
  readonly id?: string | undefined;
  /** The hash of the principal under which the session is listed. */
  readonly tag?: string | undefined;
}

const ACCESS = '"__lastAccess":';
const OURS = '"__keycardFile":';
const AGE_IN_PLACE = /^\{"cookie":\{"originalMaxAge":(-?\d+|null)[,}]/;
const NUMBER_AT_END = /(-?\d+(?:\.\d+)?)\}$/y;

/** The content for a record. */
export function encode(content: FileContent, ttl: number): string {
  const { text, expiresAt, id, tag } = content;
  if (!text.startsWith('{') || !text.endsWith('}')) {
    throw new SessionStoreError('REFUSED', 'The file store keeps JSON objects, and this text is none.');
  }
  const body = text.slice(0, -1);
  const comma = body.length > 1 ? ',' : '';
  const ours = id === undefined && tag === undefined ? '' : `${OURS}${JSON.stringify({ id, tag })},`;
  const end = Number.isFinite(expiresAt) ? expiresAt : Number.MAX_SAFE_INTEGER;
  return `${body}${comma}${ours}${ACCESS}${end - lifeOf(text, ttl)}}`;
}

/** What a content says; `undefined` if it isn't in this format. */
export function decode(content: string, ttl: number): FileContent | undefined {
  const start = content.lastIndexOf(ACCESS);
  NUMBER_AT_END.lastIndex = start + ACCESS.length;
  // A quote right behind a comma or a brace can't be within a text, and a brace at the very end closes the root.
  const before = content[start - 1];
  const access = (before === ',' || before === '{') && content.startsWith('{') && NUMBER_AT_END.exec(content)?.[1];
  if (!access) return decodeSlowly(content, ttl);
  const { body, id, tag } = withoutOurs(content.slice(0, before === ',' ? start - 1 : start));
  const text = `${body}}`;
  return { text, expiresAt: Number(access) + lifeOf(content, ttl), id, tag };
}

/** A record that session-file-store has written with keys behind `__lastAccess`. */
function decodeSlowly(content: string, ttl: number): FileContent | undefined {
  const json = parse(content);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { __lastAccess: access, __keycardFile: ours, ...rest } = json as Record<string, unknown>;
  if (typeof access !== 'number') return undefined;
  const text = stringified(rest);
  return text === undefined ? undefined : { text, expiresAt: access + lifeOf(text, ttl), ...known(ours) };
}

/** How long the peer lets a session live after its last access, in ms. */
function lifeOf(text: string, ttl: number): number {
  const quick = AGE_IN_PLACE.exec(text)?.[1];
  const age = quick === undefined ? ageOf(parse(text)) : Number(quick === 'null' ? 0 : quick);
  return age || ttl;
}

function ageOf(json: unknown): number {
  const age = (json as { cookie?: { originalMaxAge?: unknown } } | null | undefined)?.cookie?.originalMaxAge;
  return typeof age === 'number' && Number.isFinite(age) ? age : 0;
}

function withoutOurs(body: string): { body: string; id?: string | undefined; tag?: string | undefined } {
  if (!body.endsWith('}')) return { body };
  const start = body.lastIndexOf(OURS);
  const before = body[start - 1];
  if (before !== ',' && before !== '{') return { body };
  // Nested deeper, or not the last, what follows isn't JSON by itself.
  const ours = parse(body.slice(start + OURS.length));
  return ours === undefined ? { body } : { body: body.slice(0, before === ',' ? start - 1 : start), ...known(ours) };
}

function known(ours: unknown): { id?: string | undefined; tag?: string | undefined } {
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
    // JSON.parse takes what is nested deeper than this: no session, and no reason to fail a list of all.
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asks takes what isn't JSON for absent.
    return undefined;
  }
}

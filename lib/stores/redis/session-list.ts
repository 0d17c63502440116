import { placesAfter } from '../blind-cursor.js';
import type { ListedSession, ListQuery } from '../session-store.js';
import { digestOf, type ScanStart } from './key-scan.js';
import type { PrincipalIndex } from './principal-index.js';
import { metadataInText } from '../record-metadata.js';
import type { RedisDriver } from './redis-client.js';
import type { SessionKeys } from './session-keys.js';

/** The parts of the store that work on one client. */
export interface Backend {
  readonly driver: RedisDriver;
  readonly index: PrincipalIndex;
  readonly scanCount: number;
  readonly keys: SessionKeys;
}

const ID = /^[\x21-\x7e]{1,256}$/;

/**
 * Later than any session's expiry: 400 days, the longest that a cookie lives. For an entry that is restored without
 * knowing its expiry.
 */
const LONG_MS = 400 * 86_400_000;

/**
 * How many ids of earlier steps a cursor remembers. If Redis makes its table smaller, SCAN repeats the keys of one place
 * in it, and these were the last ones.
 */
const REMEMBERED = 32;

/** Lists every session by scanning the keys. Remembers ids, as SCAN may repeat a key. */
export async function* listAll(keys: SessionKeys, query: ListQuery): AsyncGenerator<ListedSession> {
  const from = query.cursor === undefined ? undefined : startOf(query.cursor);
  const given = new Set(from?.given);
  const seen = new Set<string>();
  /** Digests of what was given before this step; if it is the cursor's own step, also earlier in it. */
  let before = from?.given ?? [];
  for await (const { names, start } of keys.pages(query.batch, from?.start)) {
    const fresh = names.filter((id) => ID.test(id) && !seen.has(id) && !(given.size > 0 && given.has(digestOf(id))));
    for (const id of fresh) seen.add(id);
    const ids = [...new Set(fresh)];
    const texts = await Promise.all(ids.map((id) => keys.text(id)));
    for (const [n, id] of ids.entries()) {
      const text = texts[n];
      if (text === undefined) continue;
      const known = before;
      const cursor = (): string => cursorOf(start, [...known, ...ids.slice(0, n + 1).map(digestOf)]);
      yield { id, text, revision: text, get cursor() { return cursor(); } }; // prettier-ignore
    }
    before = [...before, ...ids.slice(-REMEMBERED).map(digestOf)].slice(-REMEMBERED);
  }
}

/** Lists one principal's sessions by the index, and corrects wrong entries. */
export async function* listOf(
  source: Backend,
  principal: string,
  query: ListQuery,
  now: number,
): AsyncGenerator<ListedSession> {
  const rest = placesAfter(await source.index.ids(principal), query.cursor);
  const size = query.batch ?? source.scanCount;
  for (let at = 0; at < rest.length; at += size) {
    const batch = rest.slice(at, at + size);
    const texts = await Promise.all(batch.map(({ id }) => source.keys.text(id)));
    const stale = batch.filter((_, n) => !belongsTo(texts[n], principal)).map(({ id }) => id);
    if (stale.length > 0) await dropStale(source, principal, stale, now);
    for (const [n, { id, cursor }] of batch.entries()) {
      const text = texts[n];
      if (text !== undefined && belongsTo(text, principal)) yield { id, text, revision: text, cursor };
    }
  }
}

/**
 * Removes entries from an index, and checks the records afterwards. A record that became the principal's meanwhile was
 * either written before this check, and its entry is restored; or after it, and its writer adds the entry.
 */
export async function dropStale(source: Backend, principal: string, ids: string[], now: number): Promise<void> {
  await source.index.remove(principal, ids);
  const texts = await Promise.all(ids.map((id) => source.keys.text(id)));
  const wrong = ids.filter((_, n) => metadataInText(texts[n] ?? '')?.principal === principal);
  await Promise.all(wrong.map((id) => source.index.add(principal, id, now + LONG_MS)));
}

/** If a text shows no metadata, the index decides. */
function belongsTo(text: string | undefined, principal: string): boolean {
  if (text === undefined) return false;
  const metadata = metadataInText(text);
  return metadata === undefined || metadata.principal === principal;
}

const cursorOf = ({ node, cursor, count }: ScanStart, given: string[]): string =>
  [node, cursor, count, given.join('')].join('.');

function startOf(text: string): { readonly start: ScanStart; readonly given: string[] } {
  const [node = '', cursor = '', count = '', given = ''] = text.split('.');
  if (!/^\d+$/.test(cursor) || !/^[1-9]\d*$/.test(count))
    throw new TypeError('The cursor is not one that list() returned. Begin again without a cursor.');
  return { start: { node, cursor, count: Number(count) }, given: given.match(/.{6}/g) ?? [] };
}

import { createHash } from 'node:crypto';
import type { RedisDriver } from './redis-client.js';

/** The keys of one step of a scan, without their prefix, and where that step began. */
export interface ScannedPage {
  readonly names: string[];
  readonly start: ScanStart;
}

/** Where a step of a scan begins. */
export interface ScanStart {
  readonly node: string;
  readonly cursor: string;
  readonly count: number;
}

/** A digest of 36 bits, for cursors. An app may put a cursor into a URL, where no id may be. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 6);

/** Iterates over the keys with `prefix` on every server. A key may come twice, as with any SCAN. */
export async function* scanPages(
  driver: RedisDriver,
  scan: {
    readonly prefix: string;
    readonly type: 'string' | 'zset';
    readonly count: number;
    readonly from?: ScanStart | undefined;
  },
): AsyncGenerator<ScannedPage> {
  const beginning = driver.keyPrefix + scan.prefix;
  const match = `${beginning.replace(/[*?[\]\\^]/g, '\\$&')}*`;
  const nodes = driver.nodes().map((node) => ({ node, name: digestOf(node.name) }));
  nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { node, name } of nodes) {
    if (scan.from !== undefined && name < scan.from.node) continue;
    let start = name === scan.from?.node ? scan.from : { node: name, cursor: '0', count: scan.count };
    do {
      const { cursor, keys } = await node.scan(start.cursor, match, start.count, scan.type);
      yield { names: keys.map((key) => key.slice(beginning.length)), start };
      start = { node: name, cursor, count: scan.count };
    } while (start.cursor !== '0');
  }
}

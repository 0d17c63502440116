import type { Revision, StoredSession, WriteResult } from '../session-store.js';
import { scanPages } from './key-scan.js';
import { KeyReader } from './key-reader.js';
import type { RedisDriver } from './redis-client.js';
import { rethrown, wrapped } from './redis-error.js';
import { COMPARE_AND_SWAP, IS_TEXT, TAKE } from './scripts.js';

const SWAP_RESULTS: readonly WriteResult[] = ['gone', 'conflict', 'ok'];

const swapResult = (reply: unknown): WriteResult => SWAP_RESULTS[Number(reply)]!;

/** What decoding puts where bytes were not UTF-8; also a letter that a text may hold. */
const REPLACEMENT = '\ufffd';

/** The keys that sessions are kept under. Knows nothing of what their texts say. */
export class SessionKeys {
  private readonly reader: KeyReader;

  constructor(
    private readonly driver: RedisDriver,
    private readonly prefix: string,
    private readonly scanCount: number,
  ) {
    this.reader = new KeyReader(driver);
  }

  /** Whatever is there, as far as it is a text. */
  read(id: string): Promise<string | null> {
    return this.reader.read(this.prefix + id);
  }

  /** The record, if the text is one that a session can have: not empty, and of bytes that mean just this text. */
  stored(id: string): Promise<StoredSession | undefined> {
    return this.reader.readAs(this.prefix + id, (text) => {
      if (!text) return undefined;
      const stored = { text, revision: text };
      return text.includes(REPLACEMENT) ? this.holds(id, text).then((holds) => (holds ? stored : undefined)) : stored;
    });
  }

  async text(id: string): Promise<string | undefined> {
    return (await this.stored(id))?.text;
  }

  /** Whether the bytes there are those of this text. Also shows that the server runs scripts. */
  async holds(id: string, text: string): Promise<boolean> {
    return Number(await wrapped(this.driver.run(IS_TEXT, this.prefix + id, [text]))) === 1;
  }

  /** False if the key is taken. */
  create(id: string, text: string, ms: number): Promise<boolean> {
    return wrapped(this.driver.create(this.prefix + id, text, ms));
  }

  /** Compare-and-swap; 0 ms to live: deletes. */
  swap(id: string, revision: Revision, text: string, ms: number): Promise<WriteResult> {
    const known = typeof revision === 'string' ? revision : '';
    const args = [known, text, String(ms)];
    return this.driver.run(COMPARE_AND_SWAP, this.prefix + id, args).then(swapResult, rethrown);
  }

  /** Deletes whatever text is there, and gives it. */
  async take(id: string): Promise<string | null> {
    return (await wrapped(this.driver.run(TAKE, this.prefix + id, []))) as string | null;
  }

  /** How many keys there are, whatever they hold. */
  async count(): Promise<number> {
    const { driver, prefix, scanCount } = this;
    const ids = new Set<string>();
    for await (const { names } of scanPages(driver, { prefix, type: 'string', count: scanCount })) {
      for (const name of names) ids.add(name);
    }
    return ids.size;
  }

  /** Deletes every session, and then every key of the indexes, whose prefix is given. */
  async clear(indexPrefix: string): Promise<void> {
    const { driver, scanCount: count } = this;
    for (const [prefix, type] of [
      [this.prefix, 'string'],
      [indexPrefix, 'zset'],
    ] as const) {
      // prettier-ignore
      for await (const { names } of scanPages(driver, { prefix, type, count })) {
        await Promise.all(names.map((name) => driver.unlink(prefix + name)));
      }
    }
  }
}

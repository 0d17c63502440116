import type { Revision, StoredSession, WriteResult } from '../session-store.js';
import { TurnBatcher } from '../turn-batcher.js';
import { scanPages } from './key-scan.js';
import { KeyReader } from './key-reader.js';
import type { RedisDriver } from './redis-client.js';
import { rethrown, storeErrorOf, wrapped } from './redis-error.js';
import { COMPARE_AND_SWAP, IS_TEXT, TAKE } from './scripts.js';

const SWAP_RESULTS: readonly WriteResult[] = ['gone', 'conflict', 'ok'];

/** A compare-and-swap, in the words of the script. */
interface Swap {
  readonly key: string;
  readonly known: string;
  readonly text: string;
  readonly life: string;
}

const argsOf = ({ known, text, life }: Swap): string[] => [known, text, life];

/** @throws SessionStoreError if the server refused this key's swap. */
function swapResult(reply: unknown): WriteResult {
  const result = SWAP_RESULTS[Number(reply)];
  if (result === undefined) throw storeErrorOf(new Error(String(reply)));
  return result;
}

/** The character that decoding puts in place of bytes that are not UTF-8. A text may contain it, too. */
const REPLACEMENT = '\ufffd';

/** The keys of sessions. Does not interpret their texts. */
export class SessionKeys {
  private readonly reader: KeyReader;
  /** On a single server all swaps of a turn share one script, as all reads share an MGET. */
  private readonly swaps = new TurnBatcher<Swap, unknown>({
    key: ({ key }) => key,
    weight: ({ known, text }) => known.length + text.length,
    run: (swaps) => this.swapTogether(swaps),
    didNothing: (error) => this.reader.refuses(error),
  });

  constructor(
    private readonly driver: RedisDriver,
    private readonly prefix: string,
    private readonly scanCount: number,
  ) {
    this.reader = new KeyReader(driver);
  }

  /** The text of a key, of whatever content. */
  read(id: string): Promise<string | null> {
    return this.reader.read(this.prefix + id);
  }

  /** The record, if the text can be a session's: not empty, and of bytes that decode to exactly this text. */
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

  /** Whether the bytes are exactly this text. Also shows that the server runs scripts. */
  async holds(id: string, text: string): Promise<boolean> {
    return Number(await wrapped(this.driver.run(IS_TEXT, this.prefix + id, [text]))) === 1;
  }

  /** Returns `false` if the key exists. */
  create(id: string, text: string, ms: number): Promise<boolean> {
    return wrapped(this.driver.create(this.prefix + id, text, ms));
  }

  /** Compare-and-swap. A lifetime of 0 ms deletes the key. */
  swap(id: string, revision: Revision, text: string, ms: number): Promise<WriteResult> {
    const known = typeof revision === 'string' ? revision : '';
    const swap = { key: this.prefix + id, known, text, life: String(ms) };
    if (this.reader.together) return this.swaps.addAs(swap, swapResult);
    return this.driver
      .run(COMPARE_AND_SWAP, swap.key, argsOf(swap))
      .then((replies) => swapResult((replies as unknown[])[0]), rethrown);
  }

  private async swapTogether(swaps: readonly Swap[]): Promise<readonly unknown[]> {
    try {
      const keys = swaps.map(({ key }) => key);
      return (await this.driver.runTogether(COMPARE_AND_SWAP, keys, swaps.flatMap(argsOf))) as unknown[];
    } catch (error) {
      throw swaps.length > 1 && this.reader.refuses(error) ? error : storeErrorOf(error);
    }
  }

  /** Deletes the key and returns its text. */
  async take(id: string): Promise<string | null> {
    return (await wrapped(this.driver.run(TAKE, this.prefix + id, []))) as string | null;
  }

  /** The number of keys, whatever they contain. */
  async count(): Promise<number> {
    const { driver, prefix, scanCount } = this;
    const ids = new Set<string>();
    for await (const { names } of scanPages(driver, { prefix, type: 'string', count: scanCount })) {
      for (const name of names) ids.add(name);
    }
    return ids.size;
  }

  /** Deletes every session, and then every index key, by its prefix. */
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

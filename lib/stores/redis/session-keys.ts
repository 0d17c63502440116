import type { Revision, StoredSession, WriteResult } from '../session-store.js';
import { TurnBatcher } from '../turn-batcher.js';
import { type ScannedPage, scanPages, type ScanStart } from './key-scan.js';
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

type Text = string | null;

/**
 * The keys of sessions. Does not interpret their texts.
 *
 * On a single server all reads of a turn share an MGET. It costs this process less than pipelined GETs, and any client
 * sends it immediately. Likewise all swaps of a turn share one script.
 */
export class SessionKeys {
  /**
   * Whether one command may have several keys. `false` in a cluster, where keys are on several servers. Also `false`
   * once a server or its proxy has refused that.
   */
  private isTogether: boolean;
  private readonly reads = new TurnBatcher<string, Text>({ run: (keys) => this.readTogether(keys) });
  private readonly swaps = new TurnBatcher<Swap, unknown>({
    key: ({ key }) => key,
    weight: ({ known, text }) => known.length + text.length,
    run: (swaps) => this.swapTogether(swaps),
    didNothing: (error) => this.refuses(error),
  });

  constructor(
    private readonly driver: RedisDriver,
    private readonly prefix: string,
    private readonly scanCount: number,
  ) {
    this.isTogether = driver.single;
  }

  /** The text of a key, of whatever content. */
  read(id: string): Promise<Text> {
    return this.readAs(id, (text) => text);
  }

  /** The record, if the text can be a session's: not empty, and of bytes that decode to exactly this text. */
  stored(id: string): Promise<StoredSession | undefined> {
    return this.readAs(id, (text) => {
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
    if (this.isTogether) return this.swaps.addAs(swap, swapResult);
    return this.driver
      .run(COMPARE_AND_SWAP, swap.key, argsOf(swap))
      .then((replies) => swapResult((replies as unknown[])[0]), rethrown);
  }

  /** Deletes the key and returns its text. */
  async take(id: string): Promise<Text> {
    return (await wrapped(this.driver.run(TAKE, this.prefix + id, []))) as Text;
  }

  /** The ids of all keys, in the steps of a scan. An id may come twice. */
  pages(count = this.scanCount, from?: ScanStart): AsyncGenerator<ScannedPage> {
    return scanPages(this.driver, { prefix: this.prefix, type: 'string', count, from });
  }

  /** The number of keys, whatever they contain. */
  async count(): Promise<number> {
    const ids = new Set<string>();
    for await (const { names } of this.pages()) {
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

  /** @param made converts the text. This is faster than a `then` of the caller, which would create another promise. */
  private readAs<T>(id: string, made: (text: Text) => T | Promise<T>): Promise<T> {
    const key = this.prefix + id;
    return this.isTogether ? this.reads.addAs(key, made) : this.readAlone(key).then(made);
  }

  private async readTogether(keys: readonly string[]): Promise<Text[]> {
    try {
      if (keys.length === 1) return [await this.readAlone(keys[0]!)];
      return await this.driver.mget([...keys]);
    } catch (error) {
      if (!this.refuses(error)) throw storeErrorOf(error);
      return Promise.all(keys.map((key) => this.readAlone(key)));
    }
  }

  private async readAlone(key: string): Promise<Text> {
    try {
      return await this.driver.get(key);
    } catch (error) {
      // A key of another type than string isn't ours; MGET returns null for it.
      if (messageOf(error).startsWith('WRONGTYPE')) return null;
      throw storeErrorOf(error);
    }
  }

  private async swapTogether(swaps: readonly Swap[]): Promise<readonly unknown[]> {
    try {
      const keys = swaps.map(({ key }) => key);
      return (await this.driver.runTogether(COMPARE_AND_SWAP, keys, swaps.flatMap(argsOf))) as unknown[];
    } catch (error) {
      throw swaps.length > 1 && this.refuses(error) ? error : storeErrorOf(error);
    }
  }

  /** Whether an error of a command may mean that its several keys are refused. If so, nothing was done. */
  private refuses(error: unknown): boolean {
    if (!/^(CROSSSLOT|NOPERM|ERR unknown command)/.test(messageOf(error))) return false;
    this.isTogether = false;
    return true;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

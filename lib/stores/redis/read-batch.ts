// From the module, and not the global: an app's tests may put a fake there.
import { setImmediate } from 'node:timers';
import type { RedisDriver } from './redis-client.js';
import { storeErrorOf } from './redis-error.js';

type Texts = (string | null)[];

/** Bounds one command and its reply, as a server works on nothing else meanwhile. */
const MOST_KEYS = 256;

/** Loads of one turn of the event loop, on their way as one command. */
export class ReadBatch {
  readonly keys: string[] = [];
  /** The texts, in the order of the keys; `null` where there is none. */
  readonly texts: Promise<Texts>;
  private resolve!: (texts: Texts | Promise<Texts>) => void;

  constructor() {
    this.texts = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  send(read: (keys: string[]) => Promise<Texts>): void {
    this.resolve(read(this.keys));
  }
}

/**
 * Reads keys. On one server all reads of a turn share an MGET, which costs this process less than pipelined GETs do and is
 * sent by any client whatever its options; a promise is shared too, so that a read adds no closure. It waits for
 * `setImmediate`, since microtasks run between two sockets and so see one request each.
 */
export class KeyReader {
  private batch: ReadBatch | undefined;
  /** False in a cluster, where keys live apart, and for good once a server or its proxy won't take several keys. */
  private together: boolean;

  constructor(private readonly driver: RedisDriver) {
    this.together = driver.single;
  }

  read(key: string): Promise<string | null> {
    return this.readAs(key, (text) => text);
  }

  /** @param made what becomes of the text: here, and not in a `then` of the caller's, as each costs a promise more. */
  readAs<T>(key: string, made: (text: string | null) => T | Promise<T>): Promise<T> {
    if (!this.together) return this.readAlone(key).then(made);
    const batch = this.batch ?? this.open();
    const at = batch.keys.push(key) - 1;
    if (at === MOST_KEYS - 1) this.flush();
    return batch.texts.then((texts) => made(texts[at] ?? null));
  }

  private open(): ReadBatch {
    setImmediate(this.flush);
    this.batch = new ReadBatch();
    return this.batch;
  }

  private readonly flush = (): void => {
    const { batch } = this;
    this.batch = undefined;
    batch?.send(this.readTogether);
  };

  private readonly readTogether = async (keys: string[]): Promise<Texts> => {
    try {
      if (keys.length === 1) return [await this.readAlone(keys[0]!)];
      return await this.driver.mget(keys);
    } catch (error) {
      if (!/^(CROSSSLOT|NOPERM|ERR unknown command)/.test(messageOf(error))) throw storeErrorOf(error);
      this.together = false;
      return Promise.all(keys.map((key) => this.readAlone(key)));
    }
  };

  private async readAlone(key: string): Promise<string | null> {
    try {
      return await this.driver.get(key);
    } catch (error) {
      // Another type than a text is somebody else's key; MGET passes over it by itself.
      if (messageOf(error).startsWith('WRONGTYPE')) return null;
      throw storeErrorOf(error);
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

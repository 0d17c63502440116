import { TurnBatcher } from '../turn-batcher.js';
import type { RedisDriver } from './redis-client.js';
import { storeErrorOf } from './redis-error.js';

type Text = string | null;

/**
 * Reads keys. On one server all reads of a turn share an MGET, which costs this process less than pipelined GETs do, and which any client
 * sends at once whatever its options.
 */
export class KeyReader {
  private readonly batcher = new TurnBatcher<string, Text>({ run: (keys) => this.readTogether(keys) });
  /** False in a cluster, where keys live apart, and for good once a server or its proxy won't take several keys. */
  private together: boolean;

  constructor(private readonly driver: RedisDriver) {
    this.together = driver.single;
  }

  read(key: string): Promise<Text> {
    return this.readAs(key, (text) => text);
  }

  /** @param made what becomes of the text: here, and not in a `then` of the caller's, as each costs a promise more. */
  readAs<T>(key: string, made: (text: Text) => T | Promise<T>): Promise<T> {
    return this.together ? this.batcher.addAs(key, made) : this.readAlone(key).then(made);
  }

  private async readTogether(keys: readonly string[]): Promise<Text[]> {
    try {
      if (keys.length === 1) return [await this.readAlone(keys[0]!)];
      return await this.driver.mget([...keys]);
    } catch (error) {
      if (!/^(CROSSSLOT|NOPERM|ERR unknown command)/.test(messageOf(error))) throw storeErrorOf(error);
      this.together = false;
      return Promise.all(keys.map((key) => this.readAlone(key)));
    }
  }

  private async readAlone(key: string): Promise<Text> {
    try {
      return await this.driver.get(key);
    } catch (error) {
      // A key of another type than text is somebody else's; MGET answers null for it.
      if (messageOf(error).startsWith('WRONGTYPE')) return null;
      throw storeErrorOf(error);
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

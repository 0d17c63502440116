import { TurnBatcher } from '../turn-batcher.js';
import type { RedisDriver } from './redis-client.js';
import { storeErrorOf } from './redis-error.js';

type Text = string | null;

/**
 * Reads keys. On a single server all reads of a turn share an MGET. It costs this process less than pipelined GETs, and
 * any client sends it immediately.
 */
export class KeyReader {
  private readonly batcher = new TurnBatcher<string, Text>({ run: (keys) => this.readTogether(keys) });
  private isTogether: boolean;

  constructor(private readonly driver: RedisDriver) {
    this.isTogether = driver.single;
  }

  /**
   * Whether one command may have several keys. `false` in a cluster, where keys are on several servers. Also `false`
   * once a server or its proxy has refused that.
   */
  get together(): boolean {
    return this.isTogether;
  }

  /** Whether an error of a command may mean that its several keys are refused. If so, nothing was done. */
  refuses(error: unknown): boolean {
    if (!/^(CROSSSLOT|NOPERM|ERR unknown command)/.test(messageOf(error))) return false;
    this.isTogether = false;
    return true;
  }

  read(key: string): Promise<Text> {
    return this.readAs(key, (text) => text);
  }

  /** @param made converts the text. This is faster than a `then` of the caller, which would create another promise. */
  readAs<T>(key: string, made: (text: Text) => T | Promise<T>): Promise<T> {
    return this.isTogether ? this.batcher.addAs(key, made) : this.readAlone(key).then(made);
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
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

import { inTime } from '../subscription-limit.js';
import type { Hear, IoredisClient, IoredisSubscriber } from './redis-client.js';

/** One server of a `Cluster`. */
interface Node {
  duplicate(options: object): IoredisSubscriber;
}

/** `SPUBLISH` by `sendCommand()`: `call()` treats the channel as a key and adds the client's key prefix. */
export async function publishOnShard(
  client: Pick<IoredisClient, 'sendCommand'>,
  channel: string,
  text: string,
): Promise<unknown> {
  const { Command } = await import('ioredis');
  return client.sendCommand!(new Command('SPUBLISH', [channel, text], { replyEncoding: 'utf8' }));
}

/**
 * Subscribes to a channel on its shard: the one that doesn't answer `MOVED`. It uses a connection of its own, as only
 * the latest versions of `Cluster` do this by themselves, and only with an option.
 *
 * @param lost called when the connection is lost, or the channel moves to another shard.
 */
export async function hearShard(
  masters: readonly Node[],
  channel: string,
  hear: Hear,
  lost: () => void,
): Promise<() => Promise<void>> {
  let last: unknown = new Error('the cluster has no master that is known yet');
  for (const master of masters) {
    const own = master.duplicate({ keyPrefix: '', retryStrategy: null, enableOfflineQueue: true });
    own.on('error', () => undefined);
    try {
      if (own.ssubscribe === undefined) throw new Error('this version of ioredis has no ssubscribe()');
      await inTime(own.ssubscribe(channel));
    } catch (error) {
      own.disconnect();
      last = error;
      continue;
    }
    own.on('smessage', (_, text) => hear(text));
    own.on('moved', () => own.disconnect());
    own.on('close', lost);
    return async () => own.disconnect();
  }
  throw last;
}

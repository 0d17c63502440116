import type { MongoClient } from 'mongodb';

/** Over its limit for a connection, a check of a server takes no longer than this, in ms. */
const SLACK_MS = 500;

/**
 * The store's own client, and whether it still looks for its server. The driver (7.8, seen in one of five stops of a server under load)
 * may begin a check just as the server goes, and neither end it nor begin another: such a client never finds the server again.
 */
export class OwnClient {
  private readonly begun = new Map<string, number>();
  private endedAt = 0;

  constructor(
    readonly client: MongoClient,
    private readonly now: () => number = () => performance.now(),
  ) {
    client.on('serverHeartbeatStarted', ({ connectionId, awaited }) => {
      // One that is awaited is the server's to answer when something changes.
      if (!awaited) this.begun.set(connectionId, this.now());
    });
    const ended = ({ connectionId }: { readonly connectionId: string }): void => {
      this.begun.delete(connectionId);
      this.endedAt = this.now();
    };
    client.on('serverHeartbeatSucceeded', ended);
    client.on('serverHeartbeatFailed', ended);
  }

  /** A check should have ended long ago, and no other has since. */
  get isStuck(): boolean {
    if (this.begun.size === 0) return false;
    const limit = this.client.options.connectTimeoutMS;
    const since = Math.max(this.endedAt, ...this.begun.values());
    return limit > 0 && this.now() - since > limit + SLACK_MS;
  }
}

import { RecordText } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { Revision, SessionRecord, WriteResult } from '../stores/session-store.js';
import { can, type ExpressStoreLike } from './express-store-like.js';
import { AdaptedExpressStore, type AdaptedStoreLimits } from './from-express-store.js';

/** How this surface uses a store of express-session. */
export interface SurfaceStoreOptions extends AdaptedStoreLimits {
  /** Writes a session that nobody changed. */
  readonly resave: boolean;
  /** Sends the cookie with every reply: a late one must not bring back the card of a session that has ended, over that of a new login. */
  readonly rolling: boolean;
  /** Ids are random enough never to meet: no look before a new one is written. */
  readonly uniqueIds: boolean;
  /** How old, in ms, what the record itself says of its last use may become while the store is only touched. */
  readonly refreshAfter: number;
}

/** Larger than any record: the engine has read it already, within its own bound. */
const NO_BOUND = Number.POSITIVE_INFINITY;

/** A store of express-session under its own middleware's habits: `touch` for what didn't change, `set` for what did. */
export class SurfaceStore extends AdaptedExpressStore {
  constructor(
    store: ExpressStoreLike,
    private readonly habits: SurfaceStoreOptions,
  ) {
    super(store, habits);
  }

  override async create(id: string, record: SessionRecord): Promise<void> {
    if (this.habits.uniqueIds) await this.queue.run(id, () => this.write(id, record));
    else await super.create(id, record);
  }

  override async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    if (this.habits.resave || !this.onlyMoves(record.text, revision as string))
      return super.replace(id, record, revision);
    return this.queue.run(id, async () => {
      if (this.habits.rolling && (await this.load(id)) === undefined) return 'gone';
      // As in express-session: a store without touch() is left alone.
      if (can(this.store, 'touch')) await this.call('touch', id, this.sessionOf(id, record));
      return 'ok';
    });
  }

  /** Whether nothing but the time of the last use differs, and not by much. */
  private onlyMoves(after: string, before: string): boolean {
    const old = RecordText.read(before, NO_BOUND);
    const next = RecordText.read(after, NO_BOUND);
    if (
      typeof old === 'string' ||
      typeof next === 'string' ||
      old.metadata === undefined ||
      next.metadata === undefined
    )
      return false;
    if (next.metadata.seenAt - old.metadata.seenAt >= this.habits.refreshAfter) return false;
    const data = old.rawData();
    return data !== undefined && data === next.rawData() && timeless(old.metadata) === timeless(next.metadata);
  }
}

function timeless({
  seenAt: _seen,
  expiresAt: _end,
  nonce: _nonce,
  earlierNonces: _earlier,
  ...metadata
}: SessionMetadata): string {
  return JSON.stringify(metadata);
}

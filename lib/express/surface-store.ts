import { ParsedRecord } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { Revision, SessionRecord, WriteResult } from '../stores/session-store.js';
import { can, type ExpressStoreLike } from './express-store-like.js';
import { AdaptedExpressStore, type AdaptedStoreLimits } from './from-express-store.js';

/** How express-session's API uses an express-session store. */
export interface SurfaceStoreOptions extends AdaptedStoreLimits {
  /** Writes sessions that did not change. */
  readonly resave: boolean;
  /**
   * The cookie is sent with every response. Then a late response must not send the cookie of an ended session, which
   * would replace that of a new login.
   */
  readonly rolling: boolean;
  /** Ids are random enough to be unique, so a new one needs no check. */
  readonly uniqueIds: boolean;
  /** How old the time of the last use in the record may become, in ms, while the store is only touched. */
  readonly refreshAfter: number;
}

/** No limit, as the engine has already read the record within its own limit. */
const NO_BOUND = Number.POSITIVE_INFINITY;

/** An express-session store, used as express-session does: `touch` for unchanged sessions, `set` for changed ones. */
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
      // As in express-session, a store without touch() is not called.
      if (can(this.store, 'touch')) await this.call('touch', id, this.sessionOf(id, record));
      return 'ok';
    });
  }

  /** Whether only the time of the last use differs, and not by much. */
  private onlyMoves(after: string, before: string): boolean {
    const old = ParsedRecord.read(before, NO_BOUND);
    const next = ParsedRecord.read(after, NO_BOUND);
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

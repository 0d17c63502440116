import type { Found } from '../../commit/record-finder.js';
import { RequestSession } from '../http/request-session.js';
import { messageVerbs } from './message-verbs.js';
import type { SocketSession } from './socket-session.js';

/** The session of one message: read when it is accessed, and saved before the reply is sent. */
export class MessageSession extends RequestSession {
  private opening: Promise<void> | undefined;
  private found: Found | undefined;
  private readonly ownVerbs = messageVerbs(this.services.verbs);

  /** @param movesEnd moves the idle end, if `keepAlive` is set: a client has asked for something. */
  constructor(
    private readonly socket: SocketSession,
    private readonly movesEnd = true,
  ) {
    super(socket.services, undefined, undefined);
  }

  override get verbs() {
    return this.ownVerbs;
  }

  override signalOf(): AbortSignal {
    return this.socket.signal;
  }

  /** Never rejects: if the store failed, accessing the session throws. */
  override open(): Promise<void> | undefined {
    if (this.isOpened) return undefined;
    const found = this.socket.known();
    if (found === undefined) return (this.opening ??= this.read());
    this.begun(found);
    return undefined;
  }

  private async read(): Promise<void> {
    try {
      this.begun(await this.socket.read());
    } catch (error) {
      this.isOpened = true;
      this.failureToLoad = error;
      this.services.notices.storeFailed('load', error);
    }
  }

  private begun(found: Found | undefined): void {
    this.isOpened = true;
    this.found = found;
    this.core = this.newCore(found);
    if (!this.keepsAlive) this.core.isDue = false;
  }

  private get keepsAlive(): boolean {
    return this.movesEnd && this.socket.keepsAlive;
  }

  /** What was read is older than `revalidate`, or was written since. */
  get isOutOfDate(): boolean {
    return this.isOpened && (this.hasFailed || this.socket.known() !== this.found);
  }

  get isChanged(): boolean {
    try {
      return this.core?.data.isChanged() === true;
    } catch {
      // It can't be JSON any more: finish() says so.
      return true;
    }
  }

  /**
   * Saves the handler's changes, and extends the idle timeout if that is due.
   *
   * @throws SessionStateError if the session has ended meanwhile, or there is none.
   * @throws SessionStoreError if the store failed.
   */
  async finish(): Promise<void> {
    if (!this.isOpened) {
      if (!this.movesEnd || !this.socket.isTouchDue()) return;
      await this.open();
    }
    while (this.pending.size > 0) await Promise.allSettled(this.pending);
    const { core } = this;
    if (core === undefined || core.isOver || core.status === 'read-only') return this.socket.forget();
    const before = core.stored;
    if (!core.isNew) await this.verbs.save(core);
    else if (core.data.isChanged()) await this.verbs.save(core);
    if (core.stored !== before || before === undefined) this.socket.forget();
  }
}

import { isClosed, isStoreError } from '../stores/session-store.error.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import type { CommitServices } from './commit-services.js';
import { assertInTime, type Operation } from './operation.js';

/** Records under ids that nobody knows yet, and how they are taken back. */
export class NewRecords {
  constructor(private readonly services: CommitServices) {}

  /** Writes one. What may have been written without an answer is taken back. */
  async write(core: SessionCore, key: string, draft: Draft): Promise<void> {
    try {
      await this.services.records.create(key, draft.text, draft.metadata, draft.cookie);
    } catch (error) {
      if (isStoreError(error) && error.code === 'ID_TAKEN') throw error;
      await this.takeBack(core, key);
      throw error;
    }
  }

  /** Nobody will know this id. The store may have written its record without an answer, or still write it. Tells whether it was there. */
  async takeBack(core: SessionCore, key: string): Promise<boolean> {
    const { records, notices } = this.services;
    core.dropNewId();
    this.later(() => records.destroy(key));
    try {
      return (await records.destroy(key)) === 'ok';
    } catch (error) {
      notices.storeFailed('save', error);
      return false;
    }
  }

  /** The answer has left without the new id. */
  async takeBackIfLate(core: SessionCore, operation: Operation, key: string): Promise<void> {
    if (operation.isLate) await this.takeBack(core, key);
    assertInTime(operation, this.services);
  }

  /** Looks again once the store must have done what it gave no answer to. */
  later(look: () => Promise<unknown>, ms = 2 * this.services.options.storeTimeoutMs): void {
    const { notices } = this.services;
    const again = (): void =>
      void look().catch((error: unknown) => {
        // What it leaves lapses.
        if (!isClosed(error)) notices.storeFailed('save', error);
      });
    setTimeout(again, ms).unref();
  }
}

import { LONGEST_TIMER_MS } from '../common/deadline.js';
import { isClosed, isStoreError } from '../stores/session-store.error.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import type { CommitServices } from './commit-services.js';

/** Writes records under ids that no browser knows yet, and removes them again if the write fails. */
export class NewRecords {
  constructor(private readonly services: CommitServices) {}

  /** Writes one record. If the store doesn't answer, the record may exist, so it is removed. */
  async write(core: SessionCore, key: string, draft: Draft): Promise<void> {
    try {
      await this.services.records.create(key, draft);
    } catch (error) {
      if (isStoreError(error) && error.code === 'ID_TAKEN') throw error;
      await this.takeBack(core, key);
      throw error;
    }
  }

  /**
   * Removes the record of an id that no browser will get. The store may have written it without an answer, or may still
   * do so. Returns whether the record existed.
   */
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

  /** Runs `look` again later, when the store must have finished the call that it didn't answer. */
  later(look: () => Promise<unknown>, ms = 2 * this.services.options.storeTimeoutMs): void {
    const { notices } = this.services;
    const again = (): void =>
      void look().catch((error: unknown) => {
        // A record that remains expires by itself.
        if (!isClosed(error)) notices.storeFailed('save', error);
      });
    setTimeout(again, Math.min(ms, LONGEST_TIMER_MS)).unref();
  }
}

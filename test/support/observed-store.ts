import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from 'nestjs-keycard';
import { Gate } from './gate.js';

export type StoreMethod = 'create' | 'load' | 'replace' | 'destroy';

/** One call that the engine made. */
export interface StoreCall {
  readonly method: StoreMethod;
  readonly id: string;
  result?: unknown;
  isDone?: boolean;
}

interface Plan {
  readonly method: StoreMethod;
  readonly gate: Gate;
  /** Whether the call is held on its way in, or its answer on the way out. */
  readonly at: 'before' | 'after';
}

/** A store that writes down what it is asked, and that a test can hold, slow down, break and mend. */
export class ObservedStore extends SessionStore {
  readonly calls: StoreCall[] = [];
  /** Thrown by every call, while it is set. */
  failure: Error | undefined;
  /** Which calls `failure` is for. Default: all. */
  failing: readonly StoreMethod[] | undefined;
  /** No call comes back, while it is true. */
  hangs = false;
  /** How long a write takes, in ms. */
  writeDelayMs = 0;
  private readonly plans: Plan[] = [];

  constructor(readonly inner: SessionStore) {
    super();
    if (inner.replaceNow === undefined) Object.defineProperty(this, 'replaceNow', { value: undefined });
  }

  /** The calls since the last `forget()`, by name, in their order. */
  get names(): StoreMethod[] {
    return this.calls.map((call) => call.method);
  }

  forget(): void {
    this.calls.length = 0;
  }

  /** The next call of this method waits at the gate. */
  hold(method: StoreMethod, at: 'before' | 'after' = 'before'): Gate {
    const gate = new Gate();
    this.plans.push({ method, gate, at });
    return gate;
  }

  create(id: string, record: SessionRecord): Promise<void> {
    return this.observe('create', id, () => this.inner.create(id, record));
  }
  load(id: string, overdue?: boolean): Promise<StoredSession | undefined> {
    return this.observe('load', id, () => this.inner.load(id, overdue));
  }
  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return this.observe('replace', id, () => this.inner.replace(id, record, revision));
  }
  /** As a store in memory does it. A call that a test disturbs can't be made at once, so the engine has to call `replace`. */
  override replaceNow(id: string, record: SessionRecord, revision: Revision): WriteResult {
    const isPlanned = this.plans.some(({ method }) => method === 'replace');
    if (this.failure !== undefined || this.hangs || this.writeDelayMs > 0 || isPlanned)
      throw new Error('Call replace().');
    const result = this.inner.replaceNow!(id, record, revision);
    // After anything else the engine calls `replace`, which counts.
    if (result === 'ok') this.calls.push({ method: 'replace', id, result, isDone: true });
    return result;
  }
  destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.observe('destroy', id, () => this.inner.destroy(id, revision));
  }
  override list(query?: ListQuery): AsyncIterable<ListedSession> {
    return this.inner.list!(query);
  }
  override count(query?: { readonly principal?: string | undefined }): Promise<number> {
    return this.inner.count!(query);
  }
  override close(): Promise<void> {
    return this.inner.close?.() ?? Promise.resolve();
  }

  private async observe<T>(method: StoreMethod, id: string, run: () => Promise<T>): Promise<T> {
    const call: StoreCall = { method, id };
    this.calls.push(call);
    if (this.failure !== undefined && (this.failing?.includes(method) ?? true)) throw this.failure;
    if (this.hangs) await new Promise(() => undefined);
    const at = this.plans.findIndex((plan) => plan.method === method);
    const plan = at === -1 ? undefined : this.plans.splice(at, 1)[0];
    if (plan?.at === 'before') await plan.gate.pass();
    if (this.writeDelayMs > 0 && method !== 'load')
      await new Promise((resolve) => setTimeout(resolve, this.writeDelayMs));
    const result = await run();
    call.result = result;
    call.isDone = true;
    if (plan?.at === 'after') await plan.gate.pass();
    return result;
  }
}

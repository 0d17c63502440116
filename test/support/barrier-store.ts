import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from 'nestjs-keycard';

type Method = 'create' | 'load' | 'replace' | 'destroy' | 'list';

/** Lets the next call of a method wait, before it reaches the store or before its answer comes back; and counts what a list gives. */
export class BarrierStore extends SessionStore {
  private readonly stops = new Map<string, { reached: () => void; released: Promise<void> }>();
  /** Records that lists have read. */
  listed = 0;
  calls = 0;

  constructor(private readonly inner: SessionStore) {
    super();
  }

  stop(method: Method, after: boolean): { reached: Promise<void>; release: () => void } {
    let reach!: () => void;
    let release!: () => void;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    this.stops.set(`${method} ${after}`, { reached: reach, released: new Promise((resolve) => (release = resolve)) });
    return { reached, release };
  }

  private async at<T>(method: Method, call: () => Promise<T>): Promise<T> {
    this.calls += 1;
    await this.wait(method, false);
    const result = await call();
    await this.wait(method, true);
    return result;
  }

  private async wait(method: Method, after: boolean): Promise<void> {
    const name = `${method} ${after}`;
    const stop = this.stops.get(name);
    if (stop === undefined) return;
    this.stops.delete(name);
    stop.reached();
    await stop.released;
  }

  create(id: string, record: SessionRecord): Promise<void> {
    return this.at('create', () => this.inner.create(id, record));
  }
  load(id: string, overdue?: boolean): Promise<StoredSession | undefined> {
    return this.at('load', () => this.inner.load(id, overdue));
  }
  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return this.at('replace', () => this.inner.replace(id, record, revision));
  }
  destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.at('destroy', () => this.inner.destroy(id, revision));
  }
  override async *list(query?: ListQuery): AsyncGenerator<ListedSession> {
    for await (const each of this.inner.list!(query)) {
      this.listed += 1;
      await this.wait('list', true);
      yield each;
    }
  }
  override count(query?: { principal?: string | undefined }): Promise<number> {
    return this.inner.count!(query);
  }
}

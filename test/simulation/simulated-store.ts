import type {
  ListedSession,
  ListQuery,
  Revision,
  SessionRecord,
  StoredSession,
  WriteResult,
} from '../../lib/stores/session-store.js';
import type { Random } from './random.js';
import { EPOCH, type Owner, type Scheduler, WORLD } from './scheduler.js';

/** How a store call fails. `late`: its effect comes after `storeTimeout`. `repeated`: the driver lost the first reply, and sent it again. */
export type FaultKind =
  'repeated' | 'error-before' | 'error-after' | 'silence-before' | 'silence-after' | 'late' | 'slow';

/** What the store has to know of a schedule. */
export interface StoreSettings {
  /** `atomic`: the index is part of the record's transaction (PostgreSQL, memory). `apart`: it is not (Redis, files). */
  readonly kind: 'atomic' | 'apart';
  /** `apart`: record and entry go out at once over one connection; else one after the other. */
  readonly pipelined: boolean;
  /** The longest time that a call is on its way, and its reply, in ms. */
  readonly latency: number;
  /** A record is replaced at once, without a promise. All other calls take their time. */
  readonly inMemory: boolean;
}

interface Row {
  readonly text: string;
  /** `atomic`: by the clock of whoever looks. `apart`: by the store's own. */
  readonly expiresAt: number;
  readonly principal: string | undefined;
  readonly version: number;
}

/** What all processes share. */
export class Database {
  readonly rows = new Map<string, Row>();
  /** `apart` only. */
  readonly entries = new Map<string, Set<string>>();
  /** Calls whose effect is yet to come. */
  underWay = 0;
  lastVersion = 0;

  constructor(
    readonly settings: StoreSettings,
    readonly scheduler: Scheduler,
    readonly random: Random,
    private readonly faultAt: (call: number) => FaultKind | undefined,
    readonly storeError: (code: string, message: string) => Error,
    readonly onEffect: (call: string, key: string) => void,
    readonly note: ((text: string) => void) | undefined,
  ) {}

  private calls = 0;
  /** Until when a record is locked. */
  private locked: { readonly key: string; readonly until: number } | undefined;

  lock(which: number, ms: number): string | undefined {
    const key = [...this.rows.keys()][which % Math.max(1, this.rows.size)];
    if (key !== undefined) this.locked = { key, until: this.scheduler.now + ms };
    return key;
  }

  /** When a write of a record goes through that would do so at a time. */
  unlocked(key: string, time: number): number {
    return this.locked?.key === key && time < this.locked.until ? this.locked.until : time;
  }

  /** Whether faults may happen now. */
  faulty = false;

  nextFault(): FaultKind | undefined {
    return this.faulty ? this.faultAt((this.calls += 1)) : undefined;
  }

  /** Loses a record or an entry of an index. */
  lose(what: 'record' | 'entry', which: number): string | undefined {
    if (what === 'record') {
      const key = [...this.rows.keys()][which % Math.max(1, this.rows.size)];
      if (key !== undefined) this.rows.delete(key);
      return key;
    }
    const all = [...this.entries].flatMap(([principal, keys]) => [...keys].map((key) => ({ principal, key })));
    const entry = all[which % Math.max(1, all.length)];
    if (entry !== undefined) this.entries.get(entry.principal)!.delete(entry.key);
    return entry?.key;
  }

  addEntry(principal: string, key: string): void {
    const entries = this.entries.get(principal);
    if (entries === undefined) this.entries.set(principal, new Set([key]));
    else entries.add(key);
  }
}

const NEVER = new Promise<never>(() => {});

/** The store as one process has it. */
export class SimulatedStore {
  readonly replaceNow: ((id: string, record: SessionRecord, revision: Revision) => WriteResult) | undefined;

  constructor(
    private readonly database: Database,
    private readonly process: Owner,
    private readonly clock: () => number,
    private readonly afterDeath: (isWrite: boolean) => void,
  ) {
    if (database.settings.inMemory) this.replaceNow = (...given) => this.replaceAtOnce(...given);
  }

  private get isApart(): boolean {
    return this.database.settings.kind === 'apart';
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    const expiresAt = this.expiryOf(record);
    const written = this.call('create', id, true, () => {
      const there = this.live(id);
      // A driver may have sent it twice: the stores look whether what is there is their own.
      if (there?.text === record.text) return;
      if (there !== undefined) throw this.database.storeError('ID_TAKEN', 'A live session already has this id.');
      // A record that is over when it comes is not kept by a store that counts by a time to live.
      if (!this.isApart || expiresAt > this.storeNow()) this.put(id, record, expiresAt);
    });
    if (record.principal === undefined || !this.isApart) return written;
    if (this.database.settings.pipelined) await Promise.all([written, this.addEntry(record.principal, id)]);
    else {
      await written;
      await this.addEntry(record.principal, id);
    }
  }

  load(id: string, overdue = false): Promise<StoredSession | undefined> {
    return this.call('load', id, false, () => {
      const row = overdue && !this.isApart ? this.database.rows.get(id) : this.live(id);
      return row === undefined ? undefined : this.stored(row);
    });
  }

  async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    const expiresAt = this.expiryOf(record);
    let former: string | undefined;
    let movesEnd = false;
    const result = await this.call('replace', id, true, () => {
      const row = this.live(id);
      former = row?.principal;
      movesEnd = row?.expiresAt !== expiresAt;
      return this.swap(id, record, expiresAt, revision);
    });
    if (!this.isApart || result !== 'ok') return result;
    if (record.principal !== undefined && (record.principal !== former || movesEnd))
      await this.addEntry(record.principal, id);
    if (former !== undefined && former !== record.principal) await this.removeEntry(former, id);
    return result;
  }

  private swap(id: string, record: SessionRecord, expiresAt: number, revision: Revision): WriteResult {
    const row = this.live(id);
    if (row === undefined) return 'gone';
    if (row.version !== revision) return 'conflict';
    this.put(id, record, expiresAt);
    return 'ok';
  }

  private replaceAtOnce(id: string, record: SessionRecord, revision: Revision): WriteResult {
    const { database, process } = this;
    if (process.isDead) {
      this.afterDeath(true);
      throw database.storeError('UNAVAILABLE', 'simulated end of the process');
    }
    database.onEffect('replace', id);
    const result = this.swap(id, record, this.expiryOf(record), revision);
    database.note?.(`replace ${short(id)} at once = ${result}`);
    return result;
  }

  async destroy(id: string, revision?: Revision): Promise<WriteResult> {
    let principal: string | undefined;
    const result = await this.call('destroy', id, true, (): WriteResult => {
      const live = this.live(id);
      // What is over by this process's clock may not be by others'.
      const row = this.database.rows.get(id);
      if (row === undefined) return 'gone';
      if (revision !== undefined && row.version !== revision) return 'conflict';
      principal = row.principal;
      this.database.rows.delete(id);
      return live === undefined ? 'gone' : 'ok';
    });
    if (this.isApart && principal !== undefined) await this.removeEntry(principal, id);
    return result;
  }

  async *list(query: ListQuery = {}): AsyncGenerator<ListedSession> {
    if (!this.isApart || query.principal === undefined) {
      const found = await this.call('list', query.principal ?? '*', false, () =>
        [...this.database.rows.keys()].sort().flatMap((id) => this.listed(id, query)),
      );
      yield* found;
      return;
    }
    const ids = await this.call('entries', query.principal, false, () =>
      [...(this.database.entries.get(query.principal!) ?? [])].sort(),
    );
    if (ids.length === 0) return;
    yield* await this.call('records', query.principal, false, () => ids.flatMap((id) => this.listed(id, query)));
  }

  count(query: { readonly principal?: string | undefined } = {}): Promise<number> {
    return this.call(
      'count',
      query.principal ?? '*',
      false,
      () => [...this.database.rows.keys()].filter((id) => this.listed(id, query).length > 0).length,
    );
  }

  private listed(id: string, { principal, cursor, overdue }: ListQuery): ListedSession[] {
    const row = overdue === true && !this.isApart ? this.database.rows.get(id) : this.live(id);
    if (row === undefined || (principal !== undefined && row.principal !== principal)) return [];
    if (cursor !== undefined && id <= cursor) return [];
    return [{ id, cursor: id, ...this.stored(row) }];
  }

  private stored(row: Row): StoredSession {
    const { text, expiresAt, version: revision } = row;
    return this.isApart ? { text, revision } : { text, expiresAt, revision };
  }

  /** A time to live is counted from when the client sends it, in whole seconds, as Redis does. */
  private expiryOf({ expiresAt }: SessionRecord): number {
    if (!this.isApart) return expiresAt;
    return this.storeNow() + Math.max(0, Math.ceil((expiresAt - this.clock()) / 1_000)) * 1_000;
  }

  private storeNow(): number {
    return EPOCH + this.database.scheduler.now;
  }

  private live(id: string): Row | undefined {
    const row = this.database.rows.get(id);
    if (row === undefined) return undefined;
    return row.expiresAt > (this.isApart ? this.storeNow() : this.clock()) ? row : undefined;
  }

  private put(id: string, { text, principal }: SessionRecord, expiresAt: number): void {
    this.database.rows.set(id, { text, expiresAt, principal, version: (this.database.lastVersion += 1) });
  }

  private addEntry(principal: string, id: string): Promise<void> {
    return this.call('add entry', id, true, () => this.database.addEntry(principal, id));
  }

  private removeEntry(principal: string, id: string): Promise<void> {
    return this.call('remove entry', id, true, () => void this.database.entries.get(principal)?.delete(id));
  }

  /** Sends a call, whose effect and reply come later, or as its fault says. */
  private call<T>(name: string, key: string, isWrite: boolean, effect: () => T): Promise<T> {
    const { database, process } = this;
    const { scheduler, random, settings } = database;
    if (process.isDead) {
      // An entry that is missing settles nothing; the store would go on.
      const isEntry = name.endsWith(' entry');
      this.afterDeath(isWrite && !isEntry);
      return isEntry ? Promise.resolve(undefined as T) : NEVER;
    }
    let fault = database.nextFault();
    let there = random.between(0, settings.latency);
    const back = random.between(0, settings.latency);
    if (isWrite) there = database.unlocked(key, scheduler.now + there) - scheduler.now;
    if (fault === 'slow') there += random.between(300, 1_900);
    if (fault === 'late') there += random.between(2_300, 3_500);
    return new Promise<T>((resolve, reject) => {
      const fail = (): void =>
        void scheduler.after(back, process, () => reject(database.storeError('UNAVAILABLE', `simulated ${fault}`)));
      if (fault === 'silence-before') return database.note?.(`${name} ${short(key)} is lost`);
      if (fault === 'error-before') {
        database.note?.(`${name} ${short(key)} fails`);
        return fail();
      }
      const carryOut = (): void => {
        database.underWay -= 1;
        let result: T;
        if (fault !== 'repeated' || isWrite) database.onEffect(name, key);
        try {
          result = effect();
        } catch (error) {
          scheduler.after(back, process, () => reject(error as Error));
          return;
        }
        if (fault === 'repeated') {
          database.note?.(`${name} ${short(key)} = ${shown(result)} (to be sent again)`);
          fault = undefined;
          database.underWay += 1;
          scheduler.after(random.between(1, 40), WORLD, carryOut);
          return;
        }
        database.note?.(`${name} ${short(key)} = ${shown(result)}${fault === undefined ? '' : ` (${fault})`}`);
        if (fault === 'silence-after') return;
        if (fault === 'error-after') fail();
        else scheduler.after(back, process, () => resolve(result));
      };
      database.underWay += 1;
      scheduler.after(there, WORLD, carryOut);
    });
  }
}

export const short = (id: string): string => (id.length > 12 ? `${id.slice(0, 8)}…` : id);

function shown(result: unknown): string {
  if (result === undefined || typeof result === 'string') return result ?? '-';
  if (Array.isArray(result))
    return `[${result.map((each) => short(typeof each === 'string' ? each : (each as { id: string }).id)).join(' ')}]`;
  if (typeof result === 'object') {
    const text = (result as StoredSession).text;
    return text.length > 30 ? `record v${String((result as StoredSession).revision)}` : text;
  }
  return String(result);
}

import type { ParsedRecord, SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { changedKeys, merge, snapshot, toJson } from '../common/merge.js';
import { isOutdated, migrated } from './migration.js';
import { SchemaView } from './schema/schema-view.js';
import type { SessionServices } from './session-services.js';
import { assertNoLostValues, assertNotTooDeep, assertSerializable, valuesToJson } from './session-values.js';
import { StoredData } from './stored-data.js';

const NOTHING_HIDDEN: ReadonlyMap<string, unknown> = new Map();

/** The session that the data belong to. */
export interface DataOwner {
  readonly isNew: boolean;
  readonly key: string;
  metadata: SessionMetadata;
  /** Called with the data as read, before the app gets them. */
  noteRead(values: SessionValues): void;
  /** Called if the record can't be read: continue as a new session. */
  becomeNew(): void;
}

/** The data to write. */
export interface Content {
  /** `undefined`: the app didn't access them. */
  readonly values: SessionValues | undefined;
  readonly json: string;
  /** The part of the record's text with the data, to be written again unchanged. */
  readonly raw: string | undefined;
}

/** A session's data: as read, as the app has changed them, and the difference. */
export class SessionData {
  /** Data under reserved names. */
  hidden = NOTHING_HIDDEN;
  private live: object | undefined;
  /** The JSON of the last comparison, kept for a draft that is made immediately after it. */
  private compared: string | undefined;
  /** The difference between the data that the app sees and the stored data; `undefined` without a schema. */
  private readonly view: SchemaView | undefined;

  /** @param base the data that changes are compared with. */
  constructor(
    private readonly services: SessionServices,
    private readonly owner: DataOwner,
    public base: StoredData,
  ) {
    this.view = services.schema === undefined ? undefined : new SchemaView();
  }

  // --- The object that the app gets

  get isGiven(): boolean {
    return this.live !== undefined;
  }

  /** The object that the app gets. Made at first access; until then the record isn't parsed. */
  get object(): object {
    return this.live ?? this.materialize();
  }

  private materialize(): object {
    const read = this.base.read();
    let values: SessionValues = {};
    if (typeof read === 'string') {
      this.services.records.unreadable(this.owner.key, read);
      this.owner.becomeNew();
    } else {
      values = this.migrated(read);
      this.owner.noteRead(values);
    }
    const { surface, notices } = this.services;
    const live = surface.create(this.owner) as SessionValues;
    this.live = live;
    for (const [key, value] of Object.entries(this.seen(values))) {
      if (surface.reserved.has(key)) {
        this.hide(key, value);
        notices.hiddenKey(key);
      } else live[key] = value;
    }
    return live;
  }

  /** Keeps data under a reserved name. */
  hide(key: string, value: unknown): void {
    this.hidden = new Map(this.hidden).set(key, value);
  }

  unhide(key: string): void {
    const hidden = new Map(this.hidden);
    hidden.delete(key);
    this.hidden = hidden;
  }

  /** Sets these values, for these keys or for all. */
  become(
    values: SessionValues,
    keys: ReadonlySet<string> = new Set([...Object.keys(this.all()), ...Object.keys(values)]),
  ): void {
    const live = this.object as SessionValues;
    const { reserved } = this.services.surface;
    for (const key of keys) {
      const isHidden = reserved.has(key);
      if (!Object.hasOwn(values, key)) {
        if (isHidden) this.unhide(key);
        else delete live[key];
      } else if (isHidden) this.hide(key, values[key]);
      else live[key] = values[key];
    }
  }

  // --- The values

  /** All data that the app sees, including those that only `dataOf` reaches. */
  all(): SessionValues {
    this.migrateIfOutdated();
    if (this.live === undefined && this.view !== undefined) void this.object;
    if (this.live === undefined) return this.stored();
    const own = this.services.surface.data(this.live);
    return this.hidden.size === 0 ? own : { ...Object.fromEntries(this.hidden), ...own };
  }

  /** The data in the form in which they are stored. A default or transform of the schema is no change. */
  values(): SessionValues {
    this.migrateIfOutdated();
    if (this.live === undefined) return this.stored();
    return this.view === undefined ? this.all() : this.view.stored(this.all());
  }

  /** The data of the version that was read. */
  stored(): SessionValues {
    return this.base.values();
  }

  /**
   * A copy of the data that the app sees, with pending changes.
   *
   * @throws SessionDataError for data that JSON can't hold, or that don't fit the schema.
   */
  copy(): SessionValues {
    const { schema } = this.services;
    const stored = JSON.parse(valuesToJson(this.written(this.all()))) as SessionValues;
    if (schema === undefined) return stored;
    schema.check(this.view!.checkable(stored));
    return schema.read(stored).values;
  }

  // --- Migration and the schema

  private get isOutdated(): boolean {
    return !this.owner.isNew && isOutdated(this.services.options, this.owner.metadata);
  }

  /** Stored data, migrated. The migration is no change, and a login that rests on the data stays valid. */
  private migrated(read: SessionValues): SessionValues {
    if (!this.isOutdated) return read;
    const { values, json, metadata } = migrated(this.services.options, this.owner.metadata, read);
    this.owner.metadata = metadata;
    this.base = new StoredData(undefined, json);
    return values;
  }

  /** Migrates before the data are accessed. If they can't be read, reading them reports it. */
  private migrateIfOutdated(): void {
    if (this.live === undefined && this.isOutdated && this.base.isReadable) void this.object;
  }

  /** Applies the schema to stored data, without the keys that it refuses. */
  private seen(stored: SessionValues, keys?: ReadonlySet<string>): SessionValues {
    const { schema, events, notices } = this.services;
    if (schema === undefined) return stored;
    const before = snapshot(stored);
    const { values, refused } = schema.read(stored);
    this.view!.note(before, values, refused, keys);
    for (const [key, why] of refused) {
      if (keys?.has(key) === false) continue;
      const { isNew, key: id, metadata } = this.owner;
      events.emit('key-dropped', isNew ? undefined : id, { handle: metadata.handle, reason: key });
      notices.warnOnce(
        `refused ${key}`,
        `The key "${key}" of a session doesn't fit the schema (${why}). It was dropped, and the session continues without it.`,
      );
    }
    return values;
  }

  private written(seen: SessionValues): SessionValues {
    if (this.view === undefined) return seen;
    const { schemaVersion } = this.services.options;
    const own = this.owner.metadata.schemaVersion;
    // A newer app's data need not fit this app's schema.
    const isNewer = schemaVersion !== undefined && own !== undefined && own > schemaVersion;
    return this.view.written(seen, isNewer);
  }

  // --- Comparing

  /** Whether the app changed the data since they were read or saved. */
  isChanged(): boolean {
    return this.compare() !== undefined;
  }

  /** Like `isChanged`, for a caller that writes next: keeps the JSON for the draft, until `forgetCompared`. */
  isChangedNow(): boolean {
    const json = this.compare();
    // With a schema, the compared JSON is not the JSON to write.
    if (this.view === undefined) this.compared = json;
    return json !== undefined;
  }

  forgetCompared(): void {
    this.compared = undefined;
  }

  /** The JSON of the data if they have changed. */
  private compare(): string | undefined {
    if (this.live === undefined) return undefined;
    const values = this.values();
    if (this.services.surface.strict) assertNoLostValues(values);
    const json = valuesToJson(values);
    return this.differs(json, values) ? json : undefined;
  }

  private differs(json: string, values: object): boolean {
    // With hidden keys or a schema, the keys are in another order.
    return this.base.differs(json, values, this.hidden.size === 0 && this.view === undefined);
  }

  /** Whether written JSON differs from what was stored before. */
  differsFrom(json: string): boolean {
    return json !== '' && this.differs(json, JSON.parse(json) as object);
  }

  // --- Writing and merging

  /**
   * The data to write now.
   *
   * @throws SessionDataError for data that JSON can't hold, or that don't fit the schema.
   */
  content(values?: SessionValues): Content {
    this.migrateIfOutdated();
    if (values === undefined && this.live === undefined) {
      const raw = this.base.raw();
      return { values: undefined, raw, json: raw === undefined ? valuesToJson(this.stored()) : '' };
    }
    const current = this.written(values ?? this.all());
    const { surface, notices, schema } = this.services;
    if (surface.strict) assertSerializable(current, (path) => notices.notFinite(path));
    const json = values === undefined && this.compared !== undefined ? this.compared : valuesToJson(current);
    assertNotTooDeep(json);
    if (this.view !== undefined) schema!.check(this.view.checkable(JSON.parse(json) as SessionValues));
    return { values: current, raw: undefined, json };
  }

  /**
   * Called after a write: later changes are compared with it.
   *
   * @param text the whole record.
   */
  saved(json: string, text: string): void {
    this.base = this.base.saved(json, text);
    if (json !== '') this.view?.saved(snapshot(JSON.parse(json) as object));
  }

  /** From now on, changes are compared with the data as they are. */
  rebaseOnNow(): void {
    this.base = new StoredData(undefined, valuesToJson(this.values()));
  }

  /**
   * Applies the app's changes to a newer version.
   *
   * @param given keys that win each conflict.
   * @param adopt takes over the rest of that version, before its data are read.
   */
  rebase(found: ParsedRecord, given: readonly string[], adopt: () => void): void {
    const before = this.live && { base: snapshot(this.stored()), mine: snapshot(this.values()) };
    this.base = new StoredData(found, undefined);
    adopt();
    if (before === undefined) return;
    const { base, mine } = before;
    const theirs = snapshot(this.migrated(this.stored()));
    const merged = merge(base, mine, theirs, this.services.options.onConflict);
    for (const key of given) if (mine.has(key)) merged.set(key, mine.get(key)!);
    const keys = changedKeys(mine, merged);
    this.become(this.seen(JSON.parse(toJson(merged)) as SessionValues, keys), keys);
  }

  /** Drops the app's changes. */
  drop(): void {
    if (this.live !== undefined) this.become(this.seen(this.migrated(this.stored())));
  }

  /** The stored data no longer count: all that the app has is new. */
  startOver(): void {
    this.view?.startOver();
  }
}

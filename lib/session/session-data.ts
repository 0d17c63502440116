import type { RecordText, SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { changedKeys, merge, snapshot, toJson } from '../common/changes.js';
import { isOutdated, migrated } from './migration.js';
import { SchemaView } from './schema/schema-view.js';
import type { SessionServices } from './session-services.js';
import { assertNoLostValues, assertNotTooDeep, assertSerializable, valuesToJson } from './session-values.js';
import { StoredData } from './stored-data.js';

const NOTHING_HIDDEN: ReadonlyMap<string, unknown> = new Map();

/** Whose data it is. */
export interface DataOwner {
  readonly isNew: boolean;
  readonly key: string;
  metadata: SessionMetadata;
  /** The record can't be read: the session goes on as a new one. */
  becomeNew(): void;
}

/** The data as it is to be written. */
export interface Content {
  /** `undefined`: nobody looked into it. */
  readonly values: SessionValues | undefined;
  readonly json: string;
  /** The part of the record's text that holds it, to be written again untouched. */
  readonly raw: string | undefined;
}

/** A session's data: as it was read, as the app has it, and how the two differ. */
export class SessionData {
  /** Data under names that the session keeps for itself. */
  hidden = NOTHING_HIDDEN;
  private live: object | undefined;
  /** The JSON of the data as it was just compared, for the draft that is made in the same breath. */
  private compared: string | undefined;
  /** How the data that the app sees differ from what is stored; `undefined` without a schema. */
  private readonly view: SchemaView | undefined;

  /** @param base what changes are counted from. */
  constructor(
    private readonly services: SessionServices,
    private readonly owner: DataOwner,
    public base: StoredData,
  ) {
    this.view = services.schema === undefined ? undefined : new SchemaView();
  }

  // --- What the app holds

  get isGiven(): boolean {
    return this.live !== undefined;
  }

  /** What the app holds. Made when it is first asked for; until then the record isn't parsed. */
  get object(): object {
    return this.live ?? this.materialize();
  }

  private materialize(): object {
    const read = this.base.read();
    let values: SessionValues = {};
    if (typeof read === 'string') {
      this.services.records.unreadable(this.owner.key, read);
      this.owner.becomeNew();
    } else values = this.migrated(read);
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

  /** Keeps data under a name that is the session's own. */
  hide(key: string, value: unknown): void {
    this.hidden = new Map(this.hidden).set(key, value);
  }

  unhide(key: string): void {
    const hidden = new Map(this.hidden);
    hidden.delete(key);
    this.hidden = hidden;
  }

  /** The session takes these values, at these keys or at all. */
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

  // --- Its values

  /** The data as the app sees it: its own keys, and those it can only reach by `dataOf`. */
  all(): SessionValues {
    this.migrateIfOutdated();
    if (this.live === undefined && this.view !== undefined) void this.object;
    if (this.live === undefined) return this.stored();
    const own = this.services.surface.data(this.live);
    return this.hidden.size === 0 ? own : { ...Object.fromEntries(this.hidden), ...own };
  }

  /** The data as it stands, in terms of what is stored: what a schema alone made of it is no change. */
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
   * A copy of the data as the app sees it, what is pending included.
   *
   * @throws SessionDataError for data that JSON, or the schema, doesn't take.
   */
  copy(): SessionValues {
    const { schema } = this.services;
    const stored = JSON.parse(valuesToJson(this.written(this.all()))) as SessionValues;
    if (schema === undefined) return stored;
    schema.check(this.view!.checkable(stored));
    return schema.read(stored).values;
  }

  // --- Older data, and the schema

  private get isOutdated(): boolean {
    return !this.owner.isNew && isOutdated(this.services.options, this.owner.metadata);
  }

  /** Data as they were read, in today's shape. They, and a login that stands on them, count as unchanged. */
  private migrated(read: SessionValues): SessionValues {
    if (!this.isOutdated) return read;
    const { values, json, metadata } = migrated(this.services.options, this.owner.metadata, read);
    this.owner.metadata = metadata;
    this.base = new StoredData(undefined, json);
    return values;
  }

  /** Who asks for data of an older version gets today's. Where they can't be read, that is left to who reads them. */
  private migrateIfOutdated(): void {
    if (this.live === undefined && this.isOutdated && this.base.isReadable) void this.object;
  }

  /** What the schema makes of stored data; a key that it refuses is left out. */
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
        `A session's key "${key}" doesn't fit the schema (${why}); it was dropped, and the session goes on without it.`,
      );
    }
    return values;
  }

  private written(seen: SessionValues): SessionValues {
    if (this.view === undefined) return seen;
    const { schemaVersion } = this.services.options;
    const own = this.owner.metadata.schemaVersion;
    // What a newer app wrote may well not fit here.
    const isNewer = schemaVersion !== undefined && own !== undefined && own > schemaVersion;
    return this.view.written(seen, isNewer);
  }

  // --- Whether it has changed

  /** Whether the app changed the data since it was read or saved. */
  isChanged(): boolean {
    return this.compare() !== undefined;
  }

  /** The same, for who goes on to write at once: the JSON is kept for the draft, until `forgetCompared`. */
  isChangedNow(): boolean {
    const json = this.compare();
    // What a schema made of the data is not what is written.
    if (this.view === undefined) this.compared = json;
    return json !== undefined;
  }

  forgetCompared(): void {
    this.compared = undefined;
  }

  /** The JSON of the data, where they have changed. */
  private compare(): string | undefined {
    if (this.live === undefined) return undefined;
    const values = this.values();
    if (this.services.surface.strict) assertNoLostValues(values);
    const json = valuesToJson(values);
    return this.differs(json, values) ? json : undefined;
  }

  private differs(json: string, values: object): boolean {
    // Keys that were set apart are in another order.
    return this.base.differs(json, values, this.hidden.size === 0 && this.view === undefined);
  }

  /** Whether written JSON differs from what was stored before. */
  differsFrom(json: string): boolean {
    return json !== '' && this.differs(json, JSON.parse(json) as object);
  }

  // --- What is written, and what others wrote

  /**
   * What to write now.
   *
   * @throws SessionDataError for data that JSON, or the schema, doesn't take.
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
   * It was written: that is the new base.
   *
   * @param text the whole record.
   */
  saved(json: string, text: string): void {
    this.base = this.base.saved(json, text);
    if (json !== '') this.view?.saved(snapshot(JSON.parse(json) as object));
  }

  /** What the app has now is the new base, wherever it was saved. */
  rebaseOnNow(): void {
    this.base = new StoredData(undefined, valuesToJson(this.values()));
  }

  /** Keeps the data that changes are counted from, when the version that it was read from is given up. */
  pinBase(): void {
    this.base = this.base.pinned();
  }

  /**
   * A newer version was found: what the app changed is carried over to it.
   *
   * @param given keys that no conflict takes away.
   * @param adopt takes over the rest of that version, before its data are read.
   */
  rebase(found: RecordText, given: readonly string[], adopt: () => void): void {
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

  /** What the app changed is dropped. */
  drop(): void {
    if (this.live !== undefined) this.become(this.seen(this.migrated(this.stored())));
  }

  /** Nothing is stored any more: what the app holds is all new. */
  startOver(): void {
    this.view?.startOver();
  }
}

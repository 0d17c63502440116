import type { SessionEvents } from '../common/session-events.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Notices } from '../record/notices.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionRecords } from '../record/session-records.js';
import type { WriteNonces } from '../record/write-nonces.js';
import type { Lifetimes } from './lifetimes.js';
import type { DataSchema } from './schema/session-schema.js';

/** What the app sees of a session's data. */
export interface DataSurface {
  /** The object that the app holds, for a `SessionCore`. */
  create(core: object): object;
  /** Its data, without what is the surface's own. The result is read, not changed. */
  data(session: object): SessionValues;
  /** Names that are no data. */
  readonly reserved: ReadonlySet<string>;
  /** Refuses values that JSON would drop without a word. */
  readonly strict: boolean;
  /** Decides when a cookie is sent again, for which changes are noted. */
  readonly sendsCookie?: unknown;
}

/** What a session needs of the module that it belongs to. */
export interface SessionServices {
  readonly options: ResolvedOptions;
  readonly records: SessionRecords;
  readonly events: SessionEvents;
  readonly notices: Notices;
  readonly lifetimes: Lifetimes;
  readonly nonces: WriteNonces;
  readonly surface: DataSurface;
  readonly schema: DataSchema | undefined;
  now(): number;
}

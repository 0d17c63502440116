import type { SessionEvents } from '../common/session-events.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Notices } from '../record/notices.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionRecords } from '../record/session-records.js';
import type { WriteNonces } from '../record/write-nonces.js';
import type { Lifetimes } from './lifetimes.js';
import type { DataSchema } from './schema/session-schema.js';

/** How the app accesses a session's data. */
export interface DataSurface {
  /** Makes the object that the app gets for a `SessionCore`. */
  create(core: object): object;
  /** Its data, without the properties of this API. The caller must not change the result. */
  data(session: object): SessionValues;
  /** Names that are no data. */
  readonly reserved: ReadonlySet<string>;
  /** Whether values that JSON drops silently are refused. */
  readonly strict: boolean;
  /** If set, it decides when the cookie is sent again. Then changes are tracked for it. */
  readonly sendsCookie?: unknown;
}

/** What a session needs from its module. */
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

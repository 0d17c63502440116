import type { PrincipalList } from '../commit/principal-list.js';
import type { RecordFinder } from '../commit/record-finder.js';
import type { Revocations } from '../commit/revocations.js';
import type { SessionServices } from '../session/session-services.js';

/** What this room needs of its module. */
export interface SignalServices extends SessionServices {
  readonly finder: RecordFinder;
  readonly list: PrincipalList;
  readonly revocations: Revocations;
}

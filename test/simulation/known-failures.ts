import type { Invariant } from './oracle.js';

/** What the engine doesn't keep yet. */
interface KnownFailure {
  readonly invariant: Invariant;
  /** Only schedules that are all of this; default: any. */
  readonly config?: readonly string[];
  readonly reason: string;
}

/** The simulation in the tests leaves these out. Whoever mends one takes its line out. (#11) */
export const knownFailures: readonly KnownFailure[] = [
  { invariant: 'ghost', reason: 'A killed process takes nothing back; and see login-without-cookie.' },
  { invariant: 'ghost-without-cap', reason: 'The same.' },
  { invariant: 'over-cap', config: ['kills'], reason: 'Such a ghost is counted.' },
  {
    invariant: 'refused-with-room',
    config: ['kills'],
    reason:
      'The same: its process died after the last write of the login, and before the first byte reached the client.',
  },
  {
    invariant: 'login-without-cookie',
    reason:
      'login() after a save() that went on under the id of another login sets no cookie; a process that takes its new session to be over answers 200.',
  },
  { invariant: 'waits-too-long', config: ['faults'], reason: 'Each store call has a bound, their sum has not.' },
  { invariant: 'waits-too-long', config: ['locks'], reason: 'The same.' },
  {
    invariant: 'lost-by-failure',
    reason: 'The swap of an id change that timed out comes after its new record was taken back.',
  },
  { invariant: 'login-dead', config: ['jumps'], reason: 'A process that is behind writes an end that is over.' },
  {
    invariant: 'login-dead',
    reason: 'confirmLogin() of a revoked session follows to the session of whoever logged in after it.',
  },
  { invariant: 'revoked-lives', reason: 'Clocks that jump; an entry of the index that is lost.' },
  {
    invariant: 'handle-revoked-lives',
    reason: 'revoke() ends a record that an id change is about to take back, and not the one that stays.',
  },
  {
    invariant: 'late-change-lost',
    reason: 'A login that lost to another forgets what its request changed of the keys that were there before.',
  },
  { invariant: 'change-lost', reason: 'The same with a renewal after renewGrace.' },
  {
    invariant: 'ended-lives',
    reason:
      'A store that asks the local clock finds the record over; a logout after renewGrace of a session that was anonymous finds nothing.',
  },
  {
    invariant: 'shared-handle',
    reason: 'Whoever logs in after the login key of another was deleted goes on with his session.',
  },
  { invariant: 'leaked-data', reason: 'The same.' },
];

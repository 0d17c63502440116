/** What the simulator has to see: `npm run simulate -- --mutants`. */
const lib = (name) => `lib/${name}.ts`;

/** Of test/mutants/mutants.mjs, by name: those about concurrency, and about who is who. With the schedules that show them, if they are rare. */
export const shared = [
  'login keeps the id',
  'a login while a save is under way is forgotten with it',
  'update() after a login leaves the id as it was',
  'the id of before a login leads to the session of after it',
  'a late answer to the old cookie sets a cookie',
  'regenerate keeps the old record alive',
  'a session that was ended is written back by who changed it',
  'logout gives up where another changed the session',
  'logout leaves the cookie in the browser',
  'logout with an id that was renewed ends nothing',
  'a conflict is taken for done',
  'a write whose reply was lost is done again where others wrote meanwhile',
  {
    name: 'a process forgets a write that it still waits for, where it writes again meanwhile',
    config: 'faults,crowd',
  },
  'a merge forgets what the others wrote',
  'a change beats a deletion',
  'the response overtakes the store',
  'a store call has no bound in time',
  'a failed save is a 200 with a lie in it',
  'a login stands whatever becomes of what it was made with',
  "a logout doesn't follow a replaced record to its successor",
  'a revoked session is not looked at when a touch is due',
  'confirmLogin() takes a revoked session for a live one',
  { name: 'a job opens a revoked session', config: 'losses,apart' },
  { name: 'a login by data whose answer was 503 happens later', from: 30_056_500 },
  {
    name: 'a session that was restored and renewed stays beside the login that went on without it',
    from: 31_012_300,
  },
  { name: 'an eviction ends the login that has replaced its session', config: 'locks', from: 30_065_900 },
  "a login as another user keeps the former's data",
  'a login in the future is a recent one',
  'who is logged in by data keeps the id',
  'a verb within fn of update(fn) waits for itself',
  'a write waits for its turn without end',
];

/** Planted for the invariants, in the form of test/mutants/mutants.mjs. `from`: the first seed, if the schedules that show it are rare. */
export const planted = [
  {
    name: '1: after a conflict, changes are counted from what the others wrote',
    file: lib('session/session-data'),
    find: 'merge(base, mine, theirs,',
    replace: 'merge(theirs, mine, theirs,',
  },
  {
    name: '2: req.session = null is answered before the record has ended',
    file: lib('transports/http/request-session'),
    find: 'await this.services.writes.end(core);\n    if (isKept) return;',
    replace: 'void this.services.writes.end(core).catch(() => {});\n    if (isKept) return;',
  },
  {
    name: '3: a login that was under way when all sessions were ended is settled',
    file: lib('commit/revocation-mark'),
    find: "return mark.nonce === '' || mark.nonce === seen || (mark.except === handle && mark.before.includes(seen));",
    replace: 'return true;',
  },
  {
    name: '4: one session too many',
    file: lib('commit/admissions'),
    find: 'holders.length < limit',
    replace: 'holders.length <= limit',
  },
  {
    name: '4: the places of logins that are under way are not counted',
    file: lib('commit/admissions'),
    find: 'for (const place of state.places) if (place.until > now) holders.add(place.handle, place.number, 0);',
    replace: '',
  },
  {
    name: '5: the newest session is evicted',
    file: lib('commit/holders'),
    find: 'b.number - a.number',
    replace: 'a.number - b.number',
  },
  {
    name: '6: what a failed login has written stays',
    file: lib('commit/new-records'),
    find: 'core.dropNewId();\n    this.later(',
    replace: 'core.dropNewId();\n    if (key !== undefined) return false;\n    this.later(',
  },
  {
    name: '6: the new record of an id change counts before the old one names it',
    file: lib('commit/placement'),
    find: 'draftOf(core, made?.values, true)',
    replace: 'draft',
  },
  {
    name: "7: the session of who logs in next has the former's handle and times",
    file: lib('session/succession'),
    find: 'core.becomeNew();\n  core.claim = undefined;\n  core.rebaseCookie(before);',
    replace: "core.status = 'new';\n  core.claim = undefined;\n  core.rebaseCookie(before);",
  },
  {
    name: '8: the id from before confirmLogin() leads on',
    file: lib('commit/old-records'),
    find: "as === 'renew' ? id : undefined",
    replace: "as === 'renew' || as === 'confirm' ? id : undefined",
  },
  {
    name: '8: an id from before a login is restored by the request that had replaced it',
    from: 20_000_000,
    file: lib('commit/session-creator'),
    find: 'if (formerId !== undefined) await this.oldRecords.pin(formerId, core.id);',
    replace: '',
  },
  {
    name: '9: a response is never sent if the record was changed by others while it was saved',
    file: lib('common/pause'),
    find: 'export function pause(attempt: number): Promise<void> {',
    replace:
      'export function pause(attempt: number): Promise<void> {\n  if (attempt === 0) return new Promise(() => {});',
  },
  {
    name: '10: a session is ended only if it is live by this process’s clock',
    file: lib('record/session-records'),
    find: 'this.store.load(key, true));\n    return stored === undefined ? undefined',
    replace: 'this.store.load(key));\n    return stored === undefined ? undefined',
  },
  {
    name: '10: a clock that is behind ends what it renews',
    config: 'jumps,logins',
    file: lib('session/draft'),
    find: 'goesOn ? Math.max(next.expiresAt, end) : end',
    replace: 'end',
    also: [{ file: lib('session/draft'), find: 'isNew ? now : Math.max(now, next.seenAt)', replace: 'now' }],
  },
  {
    name: '11: a change is written at once over a record that others have changed',
    config: 'in-memory,data',
    file: lib('commit/session-swapper'),
    find: "replaceNow(core.key, draft, core.stored.revision) !== 'ok'",
    replace: "replaceNow(core.key, draft, core.stored.revision) === 'gone'",
  },
];

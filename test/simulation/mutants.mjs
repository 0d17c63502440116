/** What the simulator has to see: `npm run simulate -- --mutants`. */
const lib = (name) => `lib/${name}.ts`;

/** Of test/mutants/mutants.mjs, by name: those about concurrency, and about who is who. */
export const shared = [
  'login keeps the id',
  'a login while a save is under way is forgotten with it',
  'update() after a login leaves the id as it was',
  'the id of before a login leads to the session of after it',
  'a late answer to the old card sets a cookie',
  'regenerate keeps the old record alive',
  'a session that was ended is written back by who changed it',
  'logout gives up where another changed the session',
  'logout leaves the cookie in the browser',
  'logout with an id that was renewed ends nothing',
  'a conflict is taken for done',
  'a write whose reply was lost is done again where others wrote meanwhile',
  'a process forgets a write that it still waits for, where it writes again meanwhile',
  'a merge forgets what the others wrote',
  'a change beats a deletion',
  'the response overtakes the store',
  'a store call has no bound in time',
  'a failed save is a 200 with a lie in it',
  'a login stands whatever becomes of what it was made with',
  "a logout doesn't follow a replaced record to its successor",
  'a revoked session is not looked at when a touch is due',
  'confirmLogin() takes a revoked session for a live one',
  'a job opens a revoked session',
  "a login as another user keeps the former's data",
  'a login in the future is a recent one',
  'who is logged in by data keeps the id',
  'a verb within fn of update(fn) waits for itself',
  'a write waits for its turn without end',
];

/** Planted for the invariants, in the form of test/mutants/mutants.mjs. */
export const planted = [
  {
    name: '1: after a conflict, changes are counted from what the others wrote',
    file: lib('commit/session-writer'),
    find: 'core.pinBase();',
    replace: '',
  },
  {
    name: '2: req.session = null is answered before the record has ended',
    file: lib('transports/http/request-session'),
    find: 'if (ends || core.replaces !== undefined) await this.endRecord(core);',
    replace: 'if (ends || core.replaces !== undefined) void this.endRecord(core).catch(() => {});',
  },
  {
    name: '3: a login that was under way when all sessions were ended is settled',
    file: lib('commit/principal-sessions'),
    find: "return mark.nonce === '' || mark.nonce === seen || (mark.except === handle && mark.before.includes(seen));",
    replace: 'return true;',
  },
  {
    name: '4: one session too many',
    file: lib('commit/principal-sessions'),
    find: 'holders.length < limit',
    replace: 'holders.length <= limit',
  },
  {
    name: '4: the places of logins that are under way are not counted',
    file: lib('commit/principal-sessions'),
    find: 'if (until > now) add(other, number, 0);',
    replace: '',
  },
  {
    name: '5: the newest session is evicted',
    file: lib('commit/principal-sessions'),
    find: 'b.number - a.number',
    replace: 'a.number - b.number',
  },
  {
    name: '6: what a failed login has written stays',
    file: lib('commit/session-writer'),
    find: 'core.dropNewId();\n    try {',
    replace: 'core.dropNewId();\n    if (key !== undefined) return;\n    try {',
  },
  {
    name: "7: the session of who logs in next has the former's handle and times",
    file: lib('session/session-core'),
    find: 'this.becomeNew();\n    this.claim = undefined;\n    this.rebaseCookie(before);',
    replace: "this.status = 'new';\n    this.claim = undefined;\n    this.rebaseCookie(before);",
  },
  {
    name: '8: the id from before confirmLogin() leads on',
    file: lib('commit/session-writer'),
    find: "if (rotation === 'renew') replaced.replaced!.clientLink",
    replace: "if (rotation === 'renew' || rotation === 'confirm') replaced.replaced!.clientLink",
  },
  {
    name: '9: a response is never sent if the record was changed by others while it was saved',
    file: lib('common/pause'),
    find: 'export function pause(attempt: number): Promise<void> {',
    replace:
      'export function pause(attempt: number): Promise<void> {\n  if (attempt === 0) return new Promise(() => {});',
  },
];

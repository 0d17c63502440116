/**
 * One deliberate break of the code a line of security, and the spec that must go red with it. `find` stands in `file`
 * exactly once. `npm run test:mutants` makes them one at a time, in a copy.
 */
const unit = (name) => `test/unit/engine/${name}.spec.ts`;
const e2e = (name) => `test/e2e/${name}.spec.ts`;
const lib = (name) => `lib/${name}.ts`;

export const mutants = [
  // The card
  {
    name: 'signatures are compared decoded, so that two bits of the last letter mean nothing',
    file: lib('engine/cookie-signer'),
    find: 'timingSafeEqual(given, expected)',
    replace: "timingSafeEqual(Buffer.from(given.toString(), 'base64'), Buffer.from(expected.toString(), 'base64'))",
    spec: unit('cookie-signer'),
  },
  {
    name: 'signatures are compared in part',
    file: lib('engine/cookie-signer'),
    find: 'timingSafeEqual(given, expected)',
    replace: 'timingSafeEqual(given.subarray(0, 42), expected.subarray(0, 42))',
    spec: unit('cookie-signer'),
  },
  {
    name: 'any signature will do',
    file: lib('engine/cookie-signer'),
    find: 'timingSafeEqual(given, expected)',
    replace: 'timingSafeEqual(given, given)',
    spec: e2e('strangers'),
  },
  {
    name: 'only the first secret verifies',
    file: lib('engine/cookie-signer'),
    find: 'of this.keys) {',
    replace: 'of this.keys.slice(0, 1)) {',
    spec: unit('cookie-signer'),
  },
  {
    name: 'the last secret signs',
    file: lib('engine/cookie-signer'),
    find: 'this.keys[0]!.sign(id)',
    replace: 'this.keys.at(-1)!.sign(id)',
    spec: unit('cookie-signer'),
  },
  {
    name: 'ids need not be well formed',
    file: lib('engine/session-id'),
    find: '/^[\\x21-\\x7e]{1,256}$/',
    replace: '/^[^]{1,256}$/',
    spec: e2e('strangers'),
  },
  {
    name: 'a cookie whose name only ends with ours is taken for it',
    file: lib('engine/cookie-header'),
    find: 'if (!startsPair(header, at)) continue;',
    replace: '',
    spec: unit('cookie-header'),
  },
  {
    name: 'ids that nobody has are adopted',
    file: lib('engine/request-session'),
    find: "if (found === 'retired') this.core.status = 'muted';",
    replace: "if (found === 'retired') this.core.status = 'muted';\n        else if (found === undefined) this.core.id = id;",
    spec: e2e('strangers'),
  },
  {
    name: 'genid may give anything',
    file: lib('engine/request-session'),
    find: 'if (!isWellFormedId(id)) throw',
    replace: 'if (id === null) throw',
    spec: e2e('strangers'),
  },
  {
    name: 'cookie.path covers by letters, not by segments',
    file: lib('engine/lifecycle'),
    find: "(path.endsWith('/') || asked[path.length] === '/')",
    replace: 'true',
    spec: e2e('cookie-vectors'),
  },
  // Login
  {
    name: 'login keeps the id',
    file: lib('engine/request-session'),
    find: "core.rotation = core.rotation === 'regenerate' ? 'regenerate' : 'login';",
    replace: '',
    spec: e2e('login'),
  },
  {
    name: 'the id of before a login leads to the session of after it',
    file: lib('engine/session-writer'),
    find: "this.retireOr(old, rotation === 'renew' ? id : undefined,",
    replace: 'this.retireOr(old, id,',
    spec: e2e('login'),
  },
  {
    name: 'a late answer to the old card sets a cookie',
    file: lib('engine/request-session'),
    find: "if (found === 'retired') this.core.status = 'muted';",
    replace: "if (found === 'retired') this.core.status = 'new';",
    spec: e2e('login'),
  },
  {
    name: 'regenerate keeps the old record alive',
    file: lib('engine/request-session'),
    find: "next.replaces = core.replaces ?? (core.status === 'loaded' ? core : undefined);",
    replace: '',
    spec: e2e('commit-table'),
  },
  // What ended stays ended
  {
    name: 'a session that was ended is written back by who changed it',
    file: lib('engine/session-writer'),
    find: "if (result === 'gone') return this.markGone(core);",
    replace:
      "if (result === 'gone') {\n        await this.records.create(core.key, draft.text, draft.facts, draft.cookie);\n        core.saved(draft);\n        return 'ok';\n      }",
    spec: e2e('destroy-in-flight'),
  },
  {
    name: 'logout gives up where another changed the session',
    file: lib('engine/session-writer'),
    find: "if (result !== 'conflict') return result === 'ok';",
    replace: "return result === 'ok';",
    spec: e2e('destroy-in-flight'),
  },
  {
    name: 'logout leaves the cookie in the browser',
    file: lib('engine/request-session'),
    find: "if (core.status === 'ended') {\n      if (atStart) this.clearCookie(core);",
    replace: "if (core.status === 'ended') {",
    spec: e2e('commit-table'),
  },
  {
    name: 'logout with an id that was renewed ends nothing',
    file: lib('engine/session-writer'),
    find: 'if (facts?.x === undefined) return { id: at, loaded };\n      const next = wayForward(at, facts);',
    replace: 'if (facts?.x === undefined) return { id: at, loaded };\n      const next = undefined;',
    spec: e2e('login'),
  },
  // Nobody's changes are lost
  {
    name: 'a conflict is taken for done',
    file: lib('engine/session-writer'),
    find: "if (result === 'ok') {\n        if (values !== undefined) core.become(values);",
    replace: "if (result !== 'gone') {\n        if (values !== undefined) core.become(values);",
    spec: e2e('concurrent-changes'),
  },
  {
    name: 'a merge forgets what the others wrote',
    file: lib('engine/changes'),
    find: 'const merged = new Map(theirs);',
    replace: 'const merged = new Map(mine);',
    spec: e2e('concurrent-changes'),
  },
  {
    name: 'a change beats a deletion',
    file: lib('engine/changes'),
    find: 'if (mine === undefined || theirs === undefined) return undefined;',
    replace: 'if (mine === undefined || theirs === undefined) return mine ?? theirs;',
    spec: e2e('concurrent-changes'),
  },
  {
    name: 'the response overtakes the store',
    file: lib('engine/request-session'),
    find: 'return this.commitWrite(core, atStart, need);',
    replace: 'void this.commitWrite(core, atStart, need);\n    return undefined;',
    spec: e2e('concurrent-changes'),
  },
  // Time
  {
    name: 'a busy session lives for ever',
    file: lib('engine/session-manager'),
    find: 'return facts.c + this.absoluteMs(facts) > this.now();',
    replace: 'return true;',
    also: [{ file: lib('engine/session-manager'), find: 'return Math.min(now + this.idleMs(facts, cookieLife), facts.c + this.absoluteMs(facts, cookieLife));', replace: 'return now + this.idleMs(facts, cookieLife);' }],
    spec: e2e('expiry'),
  },
  {
    name: 'a store call has no bound in time',
    file: lib('engine/store-timer'),
    find: 'pending.expire();',
    replace: '',
    spec: e2e('store-failure'),
  },
  // The guard, and a store that fails
  {
    name: 'the guard takes a failed store for a session',
    file: lib('guards/session.guard'),
    find: 'if (request.hasFailed) {',
    replace: 'if (false) {',
    spec: e2e('store-failure'),
  },
  {
    name: 'a predicate that throws lets in',
    file: lib('guards/session.guard'),
    find: "The predicate of @RequireSession() threw, so nobody is let in.', error instanceof Error ? error.stack : String(error));\n      return false;",
    replace: "The predicate of @RequireSession() threw, so nobody is let in.', error instanceof Error ? error.stack : String(error));\n      return true;",
    spec: e2e('guard'),
  },
  {
    name: 'the guard takes every route for public',
    file: lib('guards/session.guard'),
    find: '(PUBLIC, [handler, context.getClass()]) === true',
    replace: '(PUBLIC, [handler, context.getClass()]) !== false',
    spec: e2e('guard'),
  },
  {
    name: 'a failed save is a 200 with a lie in it',
    file: lib('engine/request-session'),
    find: "if (need === 'change') throw error;",
    replace: '',
    spec: e2e('store-failure'),
  },
  // Data
  {
    name: 'Object.assign(session, body) writes the reserved key',
    file: lib('engine/session-surface'),
    find: 'for (const key of [FACTS_KEY,',
    replace: 'for (const key of [',
    spec: e2e('reserved-keys'),
  },
  {
    name: 'a property that was defined past the setters is written',
    file: lib('engine/session-surface'),
    find: '(hasReservedOwn(session, RESERVED) ? withoutReserved(session, RESERVED) : (session as SessionValues))',
    replace: '(session as SessionValues)',
    spec: e2e('reserved-keys'),
  },
  {
    name: 'keys of an app that clash with our names are dropped',
    file: lib('engine/session-core'),
    find: 'this.hidden.set(key, values[key]);\n        this.manager.noteHiddenKey(key);',
    replace: '',
    spec: e2e('reserved-keys'),
  },
  {
    name: 'data may be nested as deep as the stack bears',
    file: lib('engine/record-text'),
    find: 'const DEEPEST = 500;',
    replace: 'const DEEPEST = 50_000_000;',
    also: [{ file: lib('engine/session-values'), find: 'const DEEPEST = 500;', replace: 'const DEEPEST = 50_000_000;' }],
    spec: e2e('unserializable'),
  },
  {
    name: 'functions are dropped without a word',
    file: lib('engine/session-values'),
    find: "typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint'",
    replace: "typeof value === 'bigint'",
    spec: e2e('unserializable'),
  },
  {
    name: 'a session may be as large as it likes',
    file: lib('engine/session-records'),
    find: 'if (text.length > limit ||',
    replace: 'if (false ||',
    spec: e2e('unserializable'),
  },
  {
    name: 'a ValidationPipe gets hold of the session',
    file: lib('decorators/session.decorator'),
    find: 'known[index] = Object;',
    replace: '',
    spec: e2e('decorators'),
  },
  // Options
  {
    name: 'a short secret is taken in production',
    file: lib('engine/resolve-options'),
    find: 'if (strict) throw',
    replace: 'if (false) throw',
    spec: unit('resolve-options'),
  },
  {
    name: 'a __Host- cookie may have a domain',
    file: lib('engine/resolve-options'),
    find: 'if (cookie.domain) ',
    replace: 'if (false) ',
    spec: unit('resolve-options'),
  },
  {
    name: 'scripts can read the cookie by default',
    file: lib('engine/resolve-options'),
    find: "httpOnly: true, sameSite: 'lax'",
    replace: "httpOnly: false, sameSite: 'lax'",
    spec: e2e('tutorials'),
  },
  {
    name: 'production goes without a store',
    file: lib('session.providers'),
    find: 'if (production) {',
    replace: 'if (false) {',
    spec: e2e('bootstrap'),
  },
];

import { Admissions } from './commit/admissions.js';
import type { CommitServices, WriteCounters } from './commit/commit-services.js';
import type { CommitOptions } from './commit/plan-commit.js';
import { PrincipalList } from './commit/principal-list.js';
import { PrincipalRecords } from './commit/principal-records.js';
import { RecordFinder } from './commit/record-finder.js';
import { RequestWrites } from './commit/request-writes.js';
import { Revocations } from './commit/revocations.js';
import { SessionEnder } from './commit/session-ender.js';
import { SessionLinks } from './commit/session-links.js';
import { SessionWriter } from './commit/session-writer.js';
import { Verbs } from './commit/verbs.js';
import { INSPECT } from './common/inspect-symbol.js';
import { SessionEvents } from './common/session-events.js';
import { CookieSigner } from './cookie/cookie-signer.js';
import { CookieText } from './transports/http/resolved-cookie.js';
import type { ResolvedOptions } from './options/resolve-options.js';
import { Notices } from './record/notices.js';
import { deriveKey } from './record/record-cipher.js';
import { isWellFormedId } from './common/session-id.js';
import { SessionRecords } from './record/session-records.js';
import { WriteNonces } from './record/write-nonces.js';
import { Lifetimes } from './session/lifetimes.js';
import { DataSchema } from './session/schema/session-schema.js';
import type { SessionCore } from './session/session-core.js';
import { httpSurface, type SessionSurface } from './session/session-surface.js';
import type { SessionStore } from './stores/session-store.js';
import { LateWrites } from './transports/http/late-writes.js';
import type { RequestServices } from './transports/http/request-services.js';
import { RequestSession } from './transports/http/request-session.js';
import { SetCookie } from './transports/http/set-cookie.js';

/**
 * What all requests of one `SessionModule` (or one `session()`) share. It creates the services and passes them to each
 * other; no service imports it.
 */
export class SessionManager implements RequestServices, CommitServices {
  readonly counters: WriteCounters = { conflicts: 0, gone: 0, lostReplies: 0 };
  readonly signer: CookieSigner;
  readonly cookies: CookieText;
  readonly setCookie: SetCookie;
  readonly events: SessionEvents;
  readonly notices: Notices;
  readonly lifetimes: Lifetimes;
  readonly nonces: WriteNonces;
  readonly records: SessionRecords;
  readonly schema: DataSchema | undefined;
  readonly ender: SessionEnder;
  readonly list: PrincipalList;
  readonly revocations: Revocations;
  readonly finder: RecordFinder;
  readonly admissions: Admissions;
  readonly writer: SessionWriter;
  readonly writes: RequestWrites;
  readonly verbs: Verbs;
  readonly lateWrites: LateWrites;
  readonly commitOptions: CommitOptions;
  otherId: RequestServices['otherId'];
  requestStore: unknown;

  constructor(
    readonly options: ResolvedOptions,
    readonly store: SessionStore,
    readonly surface: SessionSurface = httpSurface,
  ) {
    const { secrets, logger, unset, saveUninitialized } = options;
    this.requestStore = store;
    this.notices = new Notices(logger);
    this.signer = new CookieSigner(secrets);
    this.cookies = new CookieText(options);
    this.setCookie = new SetCookie(this);
    this.events = new SessionEvents(deriveKey(secrets[0]!, 'events'), () => this.now(), logger.error.bind(logger));
    this.lifetimes = new Lifetimes(options);
    this.nonces = new WriteNonces(() => this.now(), options.storeTimeoutMs);
    this.records = new SessionRecords(store, options, this.events);
    this.schema = options.schema && new DataSchema(options.schema, (message) => logger.warn(message));

    // For links between records, which other processes follow: the first key encrypts, all decrypt.
    const serverKeys = secrets.map((secret) => deriveKey(secret, 'successor'));
    const links = new SessionLinks(this.records, serverKeys);
    const states = new PrincipalRecords(this.records, options);
    this.ender = new SessionEnder(this, links);
    this.list = new PrincipalList(this, states, links);
    this.revocations = new Revocations(this, states, this.ender);
    this.finder = new RecordFinder(this, links, this.revocations);
    this.admissions = new Admissions(this, states, this.list, this.ender, this.finder, this.revocations);
    this.writer = new SessionWriter(this, this.finder, this.ender, this.list, this.admissions, links);
    this.writes = new RequestWrites(this, this.writer, this.ender);
    this.verbs = new Verbs(this, this.writer, this.writes, this.admissions, this.revocations);
    this.lateWrites = new LateWrites(this.notices);
    this.commitOptions = { unset, saveUninitialized, isStrict: surface.strict };
  }

  now(): number {
    return this.options.clock.now();
  }

  idOfKey(key: string): string | undefined {
    return this.options.hashIds ? undefined : key;
  }

  /**
   * Opens a session by its id, for jobs. It can be read, changed, saved and ended, but its id can't be changed, as
   * there is no response.
   */
  async open(id: string): Promise<SessionCore | undefined> {
    if (!isWellFormedId(id)) return undefined;
    const found = await this.finder.current(id);
    return found && RequestSession.detachedFrom(this, found);
  }

  /** What a log shows of this object: no secrets. */
  [INSPECT](): string {
    return 'SessionManager {}';
  }
}

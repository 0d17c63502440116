import type { Engine, EngineBuild, SimulatedRequest, SimulatedSession } from './engine-adapter.js';
import { Exchange, idIn, Jar } from './exchange.js';
import {
  type History,
  NEVER_ENDED,
  type Observation,
  type Operation,
  type Point,
  type RequestRecord,
} from './history.js';
import {
  type Action,
  IDLE_TIMEOUT,
  type Plan,
  RENEW_GRACE,
  SHORT_IDLE,
  STORE_TIMEOUT,
  TOUCH_INTERVAL,
  type Verb,
} from './plan.js';
import { Random } from './random.js';
import { EPOCH, type Owner, Scheduler, takeOver, WORLD } from './scheduler.js';
import { Database, short, SimulatedStore } from './simulated-store.js';

/** After so long nothing that a request left behind may still be there, in ms: "gone within seconds". */
export const SETTLED_AFTER = 12_000;
/** A request that takes longer than this waits for ever, in ms. */
const FOREVER = 120_000;
const NETWORK = 3;

type RequestAction = Extract<Action, { kind: 'request' }>;
type RegistryAction = Extract<Action, { kind: 'registry' }>;

interface Process {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly running: Set<RequestRecord>;
  /** Calls of the registry that are under way. */
  readonly asking: Set<() => void>;
}

/** Runs a plan on a build of the engine, and gives what was seen. */
export async function run(plan: Plan, build: EngineBuild, tracing = false): Promise<History> {
  const scheduler = new Scheduler();
  takeOver(scheduler, plan.seed);
  build.resetRandomness();
  takeOver(scheduler, plan.seed);
  return new World(plan, build, scheduler, tracing).run();
}

const quietLogger = { warn: () => {}, error: () => {} };

class World {
  private readonly history: History;
  private readonly timing: Random;
  private readonly database: Database;
  private readonly processes: Process[] = [];
  private readonly clocks: number[];
  private readonly jars: Jar[];
  /** The session that each browser was last seen with. */
  private readonly handles: (string | undefined)[];
  /** The Cookie headers of ids. */
  private readonly cookies = new Map<string, string>();
  private open = 0;
  private names = 0;

  constructor(
    private readonly plan: Plan,
    private readonly build: EngineBuild,
    private readonly scheduler: Scheduler,
    private readonly tracing: boolean,
  ) {
    const { config } = plan;
    this.timing = new Random(plan.timing ^ 0x5bd1e995);
    this.history = {
      plan,
      requests: [],
      probes: [],
      registry: [],
      observations: [],
      lists: new Map(),
      lostKeys: [],
      lostMarks: [],
      lostEntries: [],
      unhandled: [],
      quiet: NEVER_ENDED,
      trace: [],
    };
    const faults = new Map(plan.faults.map(({ call, kind }) => [call, kind]));
    this.database = new Database(
      { kind: config.index, pipelined: config.pipelined, latency: 4, inMemory: config.inMemory },
      scheduler,
      this.timing,
      (call) => faults.get(call),
      (code, message) => build.storeError(code, message),
      (call, key) => this.heard(call, key),
      tracing ? (text) => this.note(() => text) : undefined,
    );
    this.clocks = [...plan.clocks];
    this.jars = Array.from({ length: plan.browsers }, () => new Jar());
    this.handles = this.jars.map(() => undefined);
    for (let at = 0; at < plan.clocks.length; at += 1) this.processes.push(this.start(at));
  }

  async run(): Promise<History> {
    const { scheduler, plan, history } = this;
    const onUnhandled = (error: unknown): void => void history.unhandled.push(messageOf(error));
    process.on('unhandledRejection', onUnhandled);
    try {
      for (const action of plan.actions) {
        this.open += 1;
        scheduler.after(action.at, WORLD, () => this.begin(action));
      }
      if (plan.faults.length > 0) scheduler.after(plan.troubleAt, WORLD, () => void (this.database.faulty = true));
      const isQuiet = (): boolean => this.open === 0 && this.database.underWay === 0;
      await scheduler.runUntil((plan.actions.at(-1)?.at ?? 0) + FOREVER, isQuiet);
      this.database.faulty = false;
      history.quiet = this.point();
      this.note(() => '-- quiet');
      const start = scheduler.now;
      await scheduler.runUntil(start + 2_000);
      await this.probe('near');
      await scheduler.runUntil(start + SETTLED_AFTER);
      await this.listAll();
      if (plan.actions.some((action) => action.kind === 'registry' && action.do === 'revokeAll')) {
        await scheduler.runUntil(start + TOUCH_INTERVAL + 5_000);
        await this.probe('late');
      }
      // What a drop of the last promises might say.
      await scheduler.runUntil(scheduler.now + 10);
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    return history;
  }

  /** The store carries out a call of a request, or of a method of the registry. */
  private heard(call: string, key: string): void {
    const context = this.scheduler.context as { process?: number; operations?: Operation[] } | undefined;
    if (context?.process === undefined) return;
    const isPrincipal = key.startsWith('keycard.');
    // A login asks for the principal's record first; what else the request sends meanwhile says nothing of it.
    for (const each of context.operations ?? [])
      if (isPrincipal || each.verb.do !== 'login') each.heard ??= this.point();
    const request = context.operations === undefined ? undefined : (context as RequestRecord);
    // It has replaced the old record of the session, which was a principal's already.
    if (call === 'replace' && request?.wroteNew) request.settled = true;
    // Those that wait for the same session go on in each other's name, and what a process sent before it died is carried out.
    const dead = this.history.requests.filter(({ died, process: at }) => died && at === context.process);
    const running = this.processes[context.process]?.running ?? [];
    for (const each of new Set([...(request === undefined ? [] : [request]), ...running, ...dead])) {
      if (call === 'create' && !isPrincipal) each.wroteNew = true;
      if (call === 'replace' && isPrincipal && each.wroteNew) each.settled = true;
    }
  }

  private point(): Point {
    return { step: this.scheduler.step, time: this.scheduler.now };
  }

  private note(text: () => string): void {
    if (!this.tracing) return;
    const { owner, context } = this.scheduler;
    const who = (context as RequestRecord | undefined)?.name ?? owner.name;
    this.history.trace.push(`${this.scheduler.now.toFixed(2).padStart(10)}  ${who.padEnd(9)} ${text()}`);
  }

  private start(at: number): Process {
    const owner: Owner = { name: `process ${at}`, alive: true, isDead: false };
    const clock = { now: () => EPOCH + Math.floor(this.scheduler.now) + (this.clocks[at] ?? 0) };
    return { owner, engine: this.createEngine(owner, clock), running: new Set(), asking: new Set() };
  }

  private createEngine(owner: Owner, clock: { now(): number }): Engine {
    const { config } = this.plan;
    const store = new SimulatedStore(this.database, owner, clock.now, (isWrite) => {
      const request = this.scheduler.context as RequestRecord | undefined;
      if (isWrite && request?.operations !== undefined) request.wroteAfterDeath ??= this.scheduler.step;
    });
    return this.build.create(
      {
        secret: 'a secret of the simulator that is long enough',
        store,
        clock,
        logger: quietLogger,
        idleTimeout: config.expiring ? SHORT_IDLE : IDLE_TIMEOUT,
        touchInterval: config.expiring ? SHORT_IDLE / 10 : TOUCH_INTERVAL,
        renewGrace: RENEW_GRACE,
        storeTimeout: STORE_TIMEOUT,
        unset: config.unset,
        onTooMany: config.onTooMany,
        load: config.lazy ? 'lazy' : 'eager',
        hashIds: config.hashIds,
        ...(config.cap === undefined ? {} : { maxSessionsPerPrincipal: config.cap }),
        ...(config.renewAfter === undefined ? {} : { renewAfter: config.renewAfter }),
        ...(config.encryption ? { encryption: { key: Buffer.alloc(32, 7) } } : {}),
      },
      store,
    );
  }

  private begin(action: Action): void {
    switch (action.kind) {
      case 'request':
        return this.send(action);
      case 'registry':
        return this.ask(action);
      case 'kill':
        this.kill(action.process);
        break;
      case 'lose':
        this.lose(action.what, action.which);
        break;
      case 'lock': {
        const key = this.database.lock(action.which, action.ms);
        this.note(() => `the record ${short(key ?? '-')} is locked for ${action.ms} ms`);
        break;
      }
      case 'jump':
        this.note(() => `the clock of process ${action.process} jumps by ${action.ms / 3_600_000} h`);
        this.clocks[action.process]! += action.ms;
        break;
    }
    this.open -= 1;
  }

  private kill(at: number): void {
    const process = this.processes[at]!;
    this.note(() => `process ${at} dies`);
    // It goes on for a moment, without any effect, which shows how far its requests had come.
    process.owner.isDead = true;
    this.scheduler.after(50, WORLD, () => void (process.owner.alive = false));
    for (const request of process.running) {
      request.died = true;
      this.open -= 1;
    }
    for (const close of process.asking) close();
    this.processes[at] = this.start(at);
  }

  private lose(what: 'record' | 'entry', which: number): void {
    const key = this.database.lose(what, which);
    if (key === undefined) return;
    this.note(() => `the store loses the ${what} ${short(key)}`);
    if (what === 'entry') this.history.lostEntries.push(key);
    else if (key.startsWith('keycard.')) this.history.lostMarks.push(key);
    else this.history.lostKeys.push(key);
  }

  // --- Requests

  private send(action: RequestAction): void {
    const jar = this.jars[action.browser]!;
    const request = this.requestOf(`R${(this.names += 1)}`, action, action.process, jar.header);
    this.history.requests.push(request);
    this.scheduler.context = request;
    const exchange = new Exchange(jar.header, `browser ${action.browser}`, (head) => {
      if (!this.release(request, head)) return;
      this.scheduler.after(this.timing.between(0, NETWORK), WORLD, () => {
        if (!request.clientLeft) jar.take(head.setCookie, EPOCH + this.scheduler.now);
      });
    });
    if (action.leavesAfter !== undefined) {
      this.scheduler.after(action.leavesAfter, WORLD, () => {
        if (request.status !== undefined || request.died) return;
        request.clientLeft = true;
        this.note(() => 'the client leaves');
        exchange.abort();
        if (request.handlerEnded) this.closeLater(request);
      });
    }
    this.scheduler.after(this.timing.between(0, NETWORK), WORLD, () => this.arrive(request, action, exchange));
  }

  private requestOf(
    name: string,
    action: RequestAction | undefined,
    process: number,
    cookie: string | undefined,
  ): RequestRecord {
    return {
      name,
      action,
      process,
      sentId: idIn(cookie),
      began: NEVER_ENDED,
      released: NEVER_ENDED,
      status: undefined,
      setId: undefined,
      error: undefined,
      operations: [],
      endHandle: undefined,
      waited: 0,
      clientLeft: false,
      handlerBegan: NEVER_ENDED,
      handlerEnded: false,
      handlerEndedAt: NEVER_ENDED,
      died: false,
      wroteAfterDeath: undefined,
      wroteNew: false,
      settled: false,
      releasedAfterDeath: false,
    };
  }

  /** The first bytes leave; `false`: its process has died, and they don't. */
  private release(request: RequestRecord, head: { status: number; setCookie: readonly string[] }): boolean {
    if (request.died) {
      // A write in the same step is somebody else's, who waited for this one.
      request.releasedAfterDeath = head.status < 400 && (request.wroteAfterDeath ?? Infinity) >= this.scheduler.step;
      return false;
    }
    request.released = this.point();
    request.status = head.status;
    const line = head.setCookie.at(-1);
    if (line !== undefined) this.rememberCookie(line);
    request.setId = line === undefined ? undefined : (idIn(line) ?? '');
    this.note(
      () =>
        `answers ${head.status}${line === undefined ? '' : request.setId === '' ? ', clears the cookie' : `, sets ${short(request.setId!)}`}${request.error === undefined ? '' : ` (${request.error})`}`,
    );
    const process = this.processes[request.process];
    if (process?.running.delete(request) === true) this.open -= 1;
    return true;
  }

  private arrive(request: RequestRecord, action: RequestAction, exchange: Exchange): void {
    const process = this.processes[action.process]!;
    request.began = this.point();
    process.running.add(request);
    this.note(
      () =>
        `begins in process ${action.process}, browser ${action.browser}, cookie ${request.sentId === undefined ? '-' : short(request.sentId)}`,
    );
    this.scheduler.owner = process.owner;
    process.engine.begin(exchange.req, exchange.res, () => void this.handle(request, action, exchange, process));
  }

  private async handle(
    request: RequestRecord,
    action: RequestAction,
    { req, res }: Exchange,
    process: Process,
  ): Promise<void> {
    let status = 200;
    request.handlerBegan = this.point();
    try {
      if (action.guarded) await this.observe(request, req, res, process.engine, action.browser);
      else if (this.plan.config.lazy && action.verbs.length > 0) await process.engine.open(req, res);
      for (const verb of action.verbs) await this.perform(request, req as SimulatedRequest, verb, action.browser);
      const session = action.verbs.length === 0 ? undefined : (req as SimulatedRequest).session;
      if (session) request.endHandle = session.info.handle;
    } catch (error) {
      status = (error as { statusCode?: number }).statusCode ?? (error as { status?: number }).status ?? 500;
      request.error = messageOf(error);
      this.note(() => `handler: ${request.error}`);
    }
    request.handlerEnded = true;
    request.handlerEndedAt = this.point();
    res.statusCode = status;
    res.end('done');
    if (request.clientLeft) this.closeLater(request);
  }

  /** Nothing tells when the engine is done with a request whose client has left. */
  private closeLater(request: RequestRecord): void {
    this.scheduler.after(60, WORLD, () => {
      for (const { running } of this.processes) if (running.delete(request)) this.open -= 1;
    });
  }

  private async observe(
    request: RequestRecord,
    req: SimulatedRequest,
    res: Exchange['res'],
    engine: Engine,
    browser: number | undefined,
    probe?: 'near' | 'late',
  ): Promise<void> {
    const letIn = await engine.guard(req, res);
    const { session } = req;
    if (!session || request.died) return;
    const { info } = session;
    const seen: Observation = {
      began: request.began,
      at: this.point(),
      process: request.process,
      sentId: request.sentId,
      letIn,
      principal: info.principal,
      handle: info.handle,
      isNew: info.isNew,
      clock: EPOCH + this.scheduler.now + (this.clocks[request.process] ?? 0),
      createdAt: info.createdAt.getTime(),
      authenticatedAt: info.authenticatedAt?.getTime(),
      originalMaxAge: session.cookie.originalMaxAge,
      data: JSON.parse(JSON.stringify(session)) as Record<string, unknown>,
      probe,
    };
    this.history.observations.push(seen);
    if (browser !== undefined && !info.isNew) this.handles[browser] = info.handle;
    this.note(
      () =>
        `sees ${info.isNew ? 'a new session' : short(info.handle)}${letIn ? `, let in as ${info.principal}` : ''} ${JSON.stringify(seen.data)}`,
    );
  }

  private async perform(request: RequestRecord, req: SimulatedRequest, verb: Verb, browser: number): Promise<void> {
    const { session } = req;
    if (verb.do === 'wait') {
      request.waited += verb.ms;
      await new Promise((resolve) => setTimeout(resolve, verb.ms));
      return;
    }
    if (!session) return;
    const before = session.info;
    const operation: Operation = {
      id: `${request.name}.${request.operations.length}`,
      verb,
      request,
      began: this.point(),
      heard: undefined,
      ended: NEVER_ENDED,
      outcome: undefined,
      error: undefined,
      handle: before.handle,
      principalBefore: before.principal,
      handleBefore: before.handle,
      idBefore: session.id,
      value: undefined,
    };
    request.operations.push(operation);
    this.note(
      () => `${verb.do}${'principal' in verb ? ` ${verb.principal}` : ''}${'key' in verb ? ` ${verb.key}` : ''}`,
    );
    try {
      await this.call(operation, req, session, verb);
      if (request.died) return;
      operation.outcome = 'ok';
      const now = req.session;
      if (now && verb.do !== 'regenerate') operation.handle = now.info.handle;
      if (now && (verb.do === 'login' || verb.do === 'derive')) this.handles[browser] = now.info.handle;
    } catch (error) {
      if (!request.died) {
        operation.outcome = 'error';
        operation.error = messageOf(error);
      }
      throw error;
    } finally {
      if (!request.died) operation.ended = this.point();
    }
  }

  private async call(
    operation: Operation,
    req: SimulatedRequest,
    session: SimulatedSession,
    verb: Verb,
  ): Promise<void> {
    const owner = session.info.principal ?? 'anonymous';
    const value = `${owner}:${operation.id}`;
    switch (verb.do) {
      case 'login':
        operation.value = `${verb.principal}:${operation.id}`;
        return session.login(verb.principal, verb.data ? { role: operation.value } : undefined);
      case 'confirm':
        if (session.info.principal === undefined) throw new Refused();
        return session.confirmLogin();
      case 'derive':
        if (session.info.principal !== undefined) throw new Refused();
        session.user = { id: verb.principal };
        return;
      case 'update':
        if (verb.nested) {
          const error: unknown = await session.update(() => session.save()).catch((reason: unknown) => reason);
          if ((error as { code?: unknown } | undefined)?.code === 'UNSUPPORTED') throw new Refused();
          throw error ?? new Error('A verb within fn of update(fn) was not refused.');
        }
        return session.update((draft) => {
          const change = (): void => {
            const done = (draft.done ?? {}) as Record<string, number>;
            draft.done = { ...done, [operation.id]: (done[operation.id] ?? 0) + 1 };
          };
          return verb.slow ? new Promise<void>((resolve) => setTimeout(resolve, 2)).then(change) : change();
        });
      case 'set':
        operation.value = value;
        session[verb.key] = value;
        return;
      case 'delete':
        delete session[verb.key];
        return;
      case 'lengthen':
        session.cookie.maxAge = owner === 'ada' ? 7_200_000 : owner === 'bob' ? 10_800_000 : 14_400_000;
        return;
      case 'unset':
        req.session = null;
        return;
      case 'touch':
        session.touch();
        return;
      case 'regenerate':
        await session.regenerate();
        return;
      case 'forget':
        if (session.info.principal === undefined || session.role === undefined) throw new Refused();
        delete session.role;
        return;
      case 'save':
        if (!verb.aside) return session.save();
        // Its failure is for the log.
        void session.save();
        return;
      case 'reload':
      case 'renew':
      case 'destroy':
      case 'logout':
        return session[verb.do]();
      case 'wait':
        return;
    }
  }

  // --- The registry

  private ask(action: RegistryAction): void {
    const process = this.processes[action.process]!;
    const record: History['registry'][number] = {
      action,
      began: this.point(),
      ended: NEVER_ENDED,
      outcome: undefined,
      error: undefined,
      result: undefined,
      handle: this.handles[action.browser],
      updateId: undefined,
    };
    this.history.registry.push(record);
    this.scheduler.owner = process.owner;
    this.scheduler.context = { name: `G${(this.names += 1)}`, process: action.process };
    this.note(
      () =>
        `${action.do} ${action.principal}${action.do === 'revoke' ? ` ${short(record.handle ?? '-')}` : ''}${action.spares && action.do === 'revokeAll' ? ` but ${short(record.handle ?? '-')}` : ''} in process ${action.process}`,
    );
    const task = this.askNow(process.engine, action, record);
    // A process that dies answers nobody; the schedule goes on.
    const close = (): void => {
      if (process.asking.delete(close)) this.open -= 1;
    };
    process.asking.add(close);
    task.then(
      (result) => {
        if (process.owner.isDead) return;
        record.outcome = 'ok';
        record.result = result;
        record.ended = this.point();
        this.note(() => `${action.do} gives ${JSON.stringify(result)}`);
        close();
      },
      (error: unknown) => {
        if (process.owner.isDead) return;
        record.outcome = 'error';
        record.error = messageOf(error);
        record.ended = this.point();
        this.note(() => `${action.do} fails: ${record.error}`);
        close();
      },
    );
  }

  private async askNow(
    { registry }: Engine,
    action: RegistryAction,
    record: History['registry'][number],
  ): Promise<unknown> {
    const { principal, spares } = action;
    const { handle } = record;
    const id = idIn(this.jars[action.browser]!.header);
    switch (action.do) {
      case 'list':
        return (await registry.list({ principal })).sessions.length;
      case 'count':
        return registry.count({ principal });
      case 'revoke':
        return handle === undefined ? undefined : registry.revoke(handle, spares ? {} : { principal });
      case 'revokeAll':
        return registry.revokeAll(principal, spares && handle !== undefined ? { except: handle } : {});
      case 'find':
        return id === undefined ? undefined : (await registry.find(id)) !== undefined;
      case 'open':
        return id === undefined ? undefined : this.updateOutside(registry, id, record);
      case 'reindex':
        return this.plan.config.hashIds ? undefined : registry.reindex();
    }
  }

  private async updateOutside(
    registry: Engine['registry'],
    id: string,
    record: History['registry'][number],
  ): Promise<string | undefined> {
    const session = await registry.open(id);
    if (session === undefined) return undefined;
    const updateId = `job${(this.names += 1)}`;
    const { handle } = session.info;
    record.updateId = updateId;
    await session.update((draft) => {
      const done = (draft.done ?? {}) as Record<string, number>;
      draft.done = { ...done, [updateId]: (done[updateId] ?? 0) + 1 };
    });
    return handle;
  }

  // --- Quiet moments

  private observing: Process | undefined;

  /** A process that was started after all the others, with the right time. */
  private observer(): Process {
    return (this.observing ??= this.startObserver());
  }

  private startObserver(): Process {
    const owner: Owner = { name: 'observer', alive: true, isDead: false };
    const engine = this.createEngine(owner, { now: () => EPOCH + Math.floor(this.scheduler.now) });
    return { owner, engine, running: new Set(), asking: new Set() };
  }

  /** Every id that a browser was given or sent, newest first: what it leads to now. */
  private async probe(when: 'near' | 'late'): Promise<void> {
    const ids = new Set<string>();
    for (const { setId, sentId } of this.history.requests) {
      if (sentId !== undefined) ids.add(sentId);
      if (setId) ids.add(setId);
    }
    const { cookies } = this;
    const observer = this.observer();
    for (const id of [...ids].reverse()) {
      await this.visit(cookies.get(id)!, observer, -1, when);
    }
  }

  private rememberCookie(line: string): void {
    const id = idIn(line);
    if (id !== undefined) this.cookies.set(id, line.split(';')[0]!);
  }

  private async visit(cookie: string, process: Process, number: number, probe: 'near' | 'late'): Promise<void> {
    const request = this.requestOf('probe', undefined, number, cookie);
    this.history.probes.push(request);
    let done = false;
    const look = async (req: SimulatedRequest, res: Exchange['res']): Promise<void> => {
      try {
        await this.observe(request, req, res, process.engine, undefined, probe);
        if (req.session) req.session.probed = probe;
      } catch (error) {
        this.note(() => `probe: ${messageOf(error)}`);
      }
      res.end('done');
    };
    this.scheduler.after(
      0,
      process.owner,
      () => {
        request.began = this.point();
        this.note(() => `probes ${short(request.sentId!)}`);
        const exchange = new Exchange(cookie, 'observer', (head) => {
          this.release(request, head);
          done = true;
        });
        const req = exchange.req as SimulatedRequest;
        process.engine.begin(req, exchange.res, () => void look(req, exchange.res));
      },
      request,
    );
    await this.scheduler.runUntil(this.scheduler.now + 30_000, () => done);
  }

  private async listAll(): Promise<void> {
    const observer = this.observer();
    for (const principal of ['ada', 'bob']) {
      let done = false;
      this.scheduler.after(0, observer.owner, () => {
        void observer.engine.registry.list({ principal }).then(
          ({ sessions }) => {
            done = true;
            this.history.lists.set(
              principal,
              sessions.map(({ handle }) => handle),
            );
            this.note(() => `${principal} has [${sessions.map(({ handle }) => short(handle)).join(' ')}]`);
          },
          (error: unknown) => {
            done = true;
            this.note(() => `list: ${messageOf(error)}`);
          },
        );
      });
      await this.scheduler.runUntil(this.scheduler.now + 30_000, () => done);
    }
  }
}

/** A handler that finds nothing to do answers so. */
class Refused extends Error {
  readonly statusCode = 400;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''}: ${error.message}`.slice(0, 160);
}

import { Body, Controller, Get, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import {
  RequireRecentLogin,
  Session,
  SessionGuard,
  type SessionModuleOptions,
  SessionRegistry,
  type SessionEvent,
} from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from './app.js';
import type { StorePlace } from './five-stores.js';
import { TestClock } from './test-clock.js';

/** The clock of tests, set to the real time: for stores whose server has a clock of its own. */
export class ManualClock extends TestClock {
  constructor(time = Date.now()) {
    super(time);
  }
}

/** Holds requests at a named place until the test lets them go on. */
export class Gate {
  private readonly doors = new Map<string, { arrived: () => void; open: Promise<void> }>();

  /** Closes a door. `arrived` tells that somebody stands before it; `open()` lets him through. */
  close(name: string): { arrived: Promise<void>; open: () => void } {
    let arrive!: () => void;
    let open!: () => void;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    this.doors.set(name, { arrived: arrive, open: new Promise<void>((resolve) => (open = resolve)) });
    return {
      arrived,
      open: () => {
        this.doors.delete(name);
        open();
      },
    };
  }

  async pass(name: string): Promise<void> {
    const door = this.doors.get(name);
    door?.arrived();
    await door?.open;
  }
}

export const gate = new Gate();

/** Whatever other specs declare of `SessionData`. */
export type AnySession = Session<Record<string, unknown>>;

interface LoginBody {
  id: string | number;
  data?: Record<string, unknown>;
  /** Changed without `login()`. */
  set?: Record<string, unknown>;
  /** Saved by the handler. `aside`: which doesn't wait for it. */
  save?: boolean | 'aside';
}

@Controller()
export class LoginController {
  constructor(private readonly registry: SessionRegistry) {}

  @Post('set')
  @HttpCode(200)
  async set(@Session() session: AnySession, @Body() body: Record<string, unknown>) {
    Object.assign(session, body);
    await gate.pass('set');
    return {};
  }

  @Post('delete/:key')
  @HttpCode(200)
  remove(@Session() session: AnySession, @Param('key') key: string) {
    delete session[key];
    return {};
  }

  @Post('login')
  @HttpCode(200)
  async login(@Session() session: AnySession, @Body() { id, data, set, save }: LoginBody) {
    await session.login(id, data);
    Object.assign(session, set);
    if (save === 'aside') void session.save();
    else if (save) await session.save();
    await gate.pass('login');
    return { handle: session.info.handle };
  }

  /** What passport does. */
  @Post('passport')
  @HttpCode(200)
  async passport(@Session() session: AnySession, @Body() { id }: LoginBody) {
    const fresh = await session.regenerate();
    fresh['passport'] = { user: id };
    await gate.pass('passport');
    return {};
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Session() session: AnySession) {
    await gate.pass('logout');
    await session.logout();
    return {};
  }

  @Post('renew')
  @HttpCode(200)
  async renew(@Session() session: AnySession) {
    await session.renew();
    return {};
  }

  @Post('confirm')
  @HttpCode(200)
  async confirm(@Session() session: AnySession, @Body() { reload }: { reload?: boolean }) {
    await gate.pass('confirm');
    // confirmLogin() waits for it, after it has asked whether it may.
    if (reload) void session.reload();
    await session.confirmLogin();
    return {};
  }

  /** A changed password: this session stays, all others end. */
  /** Somebody is logged in by data, and confirmed, in a session that this request has begun. */
  @Post('begin-and-update')
  async beginAndUpdate(@Session() session: AnySession, @Body() { id }: { id: string }) {
    session.user = { id };
    await session.update((draft) => void (draft['visits'] = 1));
    return 'in';
  }

  @Post('begin-and-name')
  @HttpCode(200)
  async beginAndName(@Session() session: AnySession, @Body() { id }: { id: string }) {
    session.visits = 1;
    await session.save();
    session.user = { id };
    return 'in';
  }

  @Post('begin-and-confirm')
  async beginAndConfirm(@Session() session: AnySession, @Body() { id }: { id: string }) {
    session.visits = 1;
    await session.save();
    session.user = { id };
    await session.confirmLogin();
    return 'in';
  }

  @Post('password')
  @HttpCode(200)
  async password(@Session() session: AnySession) {
    await session.confirmLogin();
    return { ended: await this.registry.revokeAll(session.info.principal!, { except: session }) };
  }

  @Get('me')
  me(@Session() session: AnySession) {
    return { ...session.info, data: { ...session } };
  }

  @Get('none')
  none() {
    return {};
  }

  @Get('home')
  @UseGuards(SessionGuard)
  home(@Session() session: AnySession) {
    return { principal: session.info.principal };
  }

  @Post('danger')
  @HttpCode(200)
  @RequireRecentLogin('10m')
  danger() {
    return { done: true };
  }

  @Get('slow')
  async slow(@Session() session: AnySession, @Req() _req: unknown) {
    await gate.pass('slow');
    return { principal: session.info.principal ?? null };
  }
}

export interface Me {
  isNew: boolean;
  principal?: string;
  createdAt: string;
  lastSeenAt: string;
  authenticatedAt?: string;
  expiresAt: string;
  device: { userAgent?: string; ip?: string };
  handle: string;
  data: Record<string, unknown>;
}

/** The app above, with what its tests ask of it. */
export class LoginApp {
  readonly events: SessionEvent[] = [];

  private constructor(
    readonly test: TestApp,
    readonly place: StorePlace,
    /** What the library logged. */
    readonly logged: readonly string[],
  ) {}

  static async start(
    place: StorePlace,
    options: Partial<SessionModuleOptions> = {},
    before?: Parameters<typeof startApp>[2],
  ): Promise<LoginApp> {
    const logged: string[] = [];
    const logger = {
      warn: (message: string) => void logged.push(message),
      error: (message: string, cause?: unknown) => void logged.push(message, String(cause)),
    };
    const test = await startApp([LoginController], { store: place.store, logger, ...options }, before);
    const app = new LoginApp(test, place, logged);
    app.registry.events.subscribe((event) => app.events.push(event));
    return app;
  }

  get registry(): SessionRegistry {
    return this.test.app.get(SessionRegistry);
  }

  get url(): string {
    return this.test.url;
  }

  post(jar: Jar, path: string, body: unknown = {}): Promise<Response> {
    return jar.fetch(`${this.url}/${path}`, post(body));
  }

  get(jar: Jar, path: string, headers: Record<string, string> = {}): Promise<Response> {
    return jar.fetch(`${this.url}/${path}`, { headers });
  }

  async me(jar: Jar): Promise<Me> {
    return (await (await this.get(jar, 'me')).json()) as Me;
  }

  /** A browser in which somebody has logged in. */
  async loggedIn(id: string | number, data: Record<string, unknown> = { user: { name: String(id) } }): Promise<Jar> {
    const jar = new Jar();
    const response = await this.post(jar, 'login', { id, data });
    if (response.status !== 200) throw new Error(`The login got ${response.status}: ${await response.text()}`);
    return jar;
  }

  /** The types of what happened since the last call. */
  happened(): string[] {
    return this.events.splice(0).map(({ type }) => type);
  }

  async close(): Promise<void> {
    await this.test.close();
    await this.place.close();
  }
}

/** The id that a browser holds, out of its signed cookie. */
export function idIn(jar: Jar, name = 'sid'): string {
  const value = jar.cookies.get(name);
  if (value === undefined) throw new Error('The browser has no session cookie.');
  return decodeURIComponent(value).slice(2, -44);
}

/** A second browser with the same cookies. */
export function copyOf(jar: Jar): Jar {
  const copy = new Jar();
  for (const [name, value] of jar.cookies) copy.cookies.set(name, value);
  return copy;
}

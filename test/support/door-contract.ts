import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, Session, type SessionModuleOptions, SessionStoreError } from 'nestjs-keycard';
import { Jar, post } from './app.js';
import { Gate } from './gate.js';
import { ObservedStore } from './observed-store.js';

export type DoorSession = Session<Record<string, unknown>>;
export type DoorCall = keyof typeof doorHandlers;

/** What came of a call: a value, or why it was refused. */
export interface Outcome {
  readonly value?: unknown;
  /** The reason that the door gives (`login-required`, …), or else its message. */
  readonly refused?: string;
}

/** One connection to a door, with the cookies of one browser. */
export interface DoorClient {
  call(name: DoorCall, body?: Record<string, unknown>): Promise<Outcome>;
  /** Settles when the server has closed the connection. */
  readonly closed?: Promise<unknown>;
  close?(): unknown;
}

export interface DoorApp {
  /** Where `DoorController` answers over HTTP. */
  readonly url: string;
  connect(jar: Jar): Promise<DoorClient>;
  close(): Promise<unknown>;
}

export interface Door {
  readonly name: string;
  /** An app with `DoorController` and these options, and the door's own handlers, which call `doorHandlers`. */
  start(options: Partial<SessionModuleOptions>): Promise<DoorApp>;
  /** What a login says where the door can't send a new cookie. */
  readonly refusesLogin?: RegExp;
  /** Connections outlive a call: one whose session ends is closed. */
  readonly endsConnections?: boolean;
}

let gate: Gate;

/** What every door's handlers do with the session that `@Session()` gave. `guarded` is to stand behind `SessionGuard`. */
export const doorHandlers = {
  read: (session: DoorSession) => ({ ...session }),
  guarded: (session: DoorSession) => ({ principal: session.info.principal }),
  set(session: DoorSession, body: Record<string, unknown>) {
    Object.assign(session, body);
    return {};
  },
  async setHeld(session: DoorSession, body: Record<string, unknown>) {
    Object.assign(session, body);
    await gate.pass();
    return {};
  },
  async increment(session: DoorSession) {
    await session.update((draft) => void (draft.count = ((draft.count as number | undefined) ?? 0) + 1));
    return {};
  },
  async login(session: DoorSession, { id }: Record<string, unknown>) {
    await session.login(id as string);
    return {};
  },
  async logout(session: DoorSession) {
    await session.logout();
    return {};
  },
};

/** Calls the handler of this name, for doors that take the name and JSON as a text. */
export function callDoor(session: DoorSession, name: string, body: string): unknown {
  const handler = doorHandlers[name as DoorCall] as (session: DoorSession, body: unknown) => unknown;
  return handler(session, JSON.parse(body));
}

/** The same over HTTP: where a browser gets its cookie, and where a test sees what a door has changed. */
@Controller('http')
export class DoorController {
  @Post('read')
  @HttpCode(200)
  read(@Session() session: DoorSession) {
    return doorHandlers.read(session);
  }
  @Post('set')
  @HttpCode(200)
  set(@Session() session: DoorSession, @Body() body: Record<string, unknown>) {
    return doorHandlers.set(session, body);
  }
  @Post('login')
  @HttpCode(200)
  login(@Session() session: DoorSession, @Body() body: Record<string, unknown>) {
    return doorHandlers.login(session, body);
  }
  @Post('logout')
  @HttpCode(200)
  logout(@Session() session: DoorSession) {
    return doorHandlers.logout(session);
  }
}

/** What holds behind every door. */
export function describeDoor(door: Door): void {
  describe.each(['eager', 'lazy'] as const)(`the contract of a door: ${door.name}, load: %s (#15)`, (load) => {
    let app: DoorApp;
    let store: ObservedStore;
    let jar: Jar;
    const clients: DoorClient[] = [];

    beforeEach(async () => {
      gate = new Gate();
      store = new ObservedStore(new MemoryStore());
      jar = new Jar();
      const logger = { warn: () => undefined, error: () => undefined };
      app = await door.start({ store, load, logger });
    });
    afterEach(async () => {
      store.failure = undefined;
      gate.open();
      await Promise.all(clients.splice(0).map((client) => client.close?.()));
      await app.close();
    });

    async function overHttp(path: string, body: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
      const answer = await jar.fetch(`${app.url}/http/${path}`, post(body));
      expect([path, answer.status]).toEqual([path, 200]);
      return (await answer.json()) as Record<string, unknown>;
    }
    async function connect(): Promise<DoorClient> {
      const client = await app.connect(jar);
      clients.push(client);
      return client;
    }

    it('reads the session of the cookie', async () => {
      await overHttp('set', { name: 'Ann' });
      expect(await (await connect()).call('read')).toEqual({ value: { name: 'Ann' } });
    });

    it('saves what a handler changes before its answer is there', async () => {
      await overHttp('set', { name: 'Ann' });
      const client = await connect();
      store.writeDelayMs = 20;
      expect(await client.call('set', { seen: true })).toEqual({ value: {} });
      expect(await overHttp('read')).toEqual({ name: 'Ann', seen: true });
      expect(await client.call('read')).toEqual({ value: { name: 'Ann', seen: true } });
    });

    it('refuses a guest with the reason, and admits a visitor who is logged in', async () => {
      await overHttp('set', { name: 'Ann' });
      expect(await (await connect()).call('guarded')).toEqual({ refused: 'login-required' });
      await overHttp('login', { id: '7' });
      expect(await (await connect()).call('guarded')).toEqual({ value: { principal: '7' } });
    });

    it('logs in under a new id, or says that it can not', async () => {
      await overHttp('set', { name: 'Ann' });
      const before = jar.header;
      const client = await connect();
      const login = await client.call('login', { id: '7' });
      if (door.refusesLogin === undefined) {
        expect(login).toEqual({ value: {} });
        expect(jar.header).not.toBe(before);
        expect(await client.call('guarded')).toEqual({ value: { principal: '7' } });
      } else {
        expect(login.refused).toMatch(door.refusesLogin);
        expect(await client.call('guarded')).toEqual({ refused: 'login-required' });
        expect(await overHttp('read')).toEqual({ name: 'Ann' });
      }
    });

    it('keeps what two calls at once change', async () => {
      await overHttp('set', { name: 'Ann' });
      const [one, two] = [await connect(), await connect()];
      const held = one.call('setHeld', { one: 1 });
      await gate.reached;
      await two.call('set', { two: 2 });
      await overHttp('set', { three: 3 });
      gate.open();
      expect(await held).toEqual({ value: {} });
      expect(await overHttp('read')).toEqual({ name: 'Ann', one: 1, two: 2, three: 3 });
    });

    it('counts every update()', async () => {
      await overHttp('set', { count: 0 });
      const both = [await connect(), await connect()];
      await Promise.all(Array.from({ length: 20 }, (_, n) => both[n % 2]!.call('increment')));
      expect(await overHttp('read')).toEqual({ count: 20 });
    });

    it('a logout is not undone by a call that is still at work, and ends what the session had opened', async () => {
      await overHttp('login', { id: '7' });
      const old = new Jar();
      for (const [name, value] of jar.cookies) old.cookies.set(name, value);
      const client = await app.connect(old);
      clients.push(client);
      const held = client.call('setHeld', { late: true }).catch(() => undefined);
      await gate.reached;
      await overHttp('logout');
      gate.open();
      await held;
      if (door.endsConnections) await client.closed;
      expect(await store.inner.count!()).toBe(0);
    });

    it('refuses while the store fails, saves nothing, and goes on afterwards', async () => {
      await overHttp('login', { id: '7' });
      const client = await connect();
      expect(await client.call('guarded')).toEqual({ value: { principal: '7' } });
      store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED 10.0.0.5:6379');
      const failed = await client.call('set', { lost: true });
      expect(failed.refused).toEqual(expect.any(String));
      expect(failed.refused).not.toContain('10.0.0.5');
      store.failure = undefined;
      expect(await client.call('set', { kept: true })).toEqual({ value: {} });
      const { lost, kept } = await overHttp('read');
      expect([lost, kept]).toEqual([undefined, true]);
    });
  });
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { All, Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import type { SessionOptions as PeerOptions, Store as PeerStore } from 'express-session';
import {
  Session,
  type SessionEvent,
  SessionGuard,
  type SessionModuleOptions,
  SessionRegistry,
  type SessionStore,
} from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../app.js';
import { copyOf, idIn as idUnder } from '../login-app.js';
import { type PeerApp, SHORT_SECRET, startPeer } from './peer-app.js';

/** One place that a peer's store and ours share. */
export interface SharedPlace {
  readonly peer: PeerStore;
  readonly ours: SessionStore;
  close(): Promise<void>;
}

type Data = Record<string, unknown>;

@Controller()
class OursController {
  @Get('me')
  me(@Session() session: Session) {
    return { ...session };
  }

  @Get('who')
  @UseGuards(SessionGuard)
  who(@Session() session: Session) {
    return { principal: session.info.principal, at: session.info.authenticatedAt };
  }

  @Post('set')
  @HttpCode(200)
  set(@Session() session: Session, @Body() body: Data) {
    Object.assign(session, body);
    return {};
  }

  @Post('add')
  @HttpCode(200)
  add(@Session() session: Session, @Body() { item }: { item: unknown }) {
    session['cart'] = [...((session['cart'] ?? []) as unknown[]), item];
    return {};
  }

  @Post('delete')
  @HttpCode(200)
  remove(@Session() session: Session, @Body() { key }: { key: string }) {
    delete session[key];
    return {};
  }

  @Post('login')
  @HttpCode(200)
  async login(@Session() session: Session, @Body() data: Data & { user: { id: number } }) {
    await session.login(data.user.id, data);
    return {};
  }

  /** As passport logs in. */
  @Post('passport')
  @HttpCode(200)
  async passport(@Session() session: Session, @Body() data: Data) {
    Object.assign(await session.regenerate(), data);
    return {};
  }

  @Post('renew')
  @HttpCode(200)
  async renew(@Session() session: Session) {
    await session.renew();
    return {};
  }

  @All('logout')
  async logout(@Session() session: Session) {
    await session.logout();
    return {};
  }
}

const NAME = 'connect.sid';
const DAY = 86_400_000;
/** Keys that the peer finds among the data: our facts, and what the two file stores keep there. */
const NOTES = new Set(['__keycard', '__keycardFile', '__lastAccess']);
const idIn = (jar: Jar): string => idUnder(jar, NAME);
const ann = { user: { id: 7, name: 'Ann' } };
/** What apps keep: nested, not ASCII, empty, and under names that are ours or look like JSON's own. */
const rich = {
  cart: ['book'],
  nested: { ü: [null, 0.5, -1, { '': '“”' }] },
  empty: {},
  none: null,
  '7': 1,
  info: { theirs: true },
  login: 'a',
  text: '"__keycard":{}',
};

/** How both sides are set up: nothing is kept alive, or everything with each request. */
const MODES: readonly [string, Partial<PeerOptions>, Partial<SessionModuleOptions>][] = [
  ['with cookies for the browser session', {}, { cookie: {} }],
  [
    'rolling and touching with each request on both sides',
    { rolling: true, cookie: { maxAge: DAY } },
    { rolling: true, touchInterval: 0, cookie: { maxAge: DAY } },
  ],
  [
    'with a peer that writes each session back (resave)',
    { resave: true, cookie: { maxAge: DAY } },
    { cookie: { maxAge: DAY } },
  ],
];

/** A user who goes between an app on express-session and one on this library, on one store, under one secret and cookie name. */
export function interopSuite(open: () => Promise<SharedPlace>): void {
  describe.each(MODES)('%s', (_mode, peerOptions, ourOptions) => {
    let place: SharedPlace;
    let there: PeerApp;
    let here: TestApp;
    let events: SessionEvent[];
    let jar: Jar;

    const at = async (app: { url: string }, route: string, body?: unknown, by = jar): Promise<Data> => {
      const response = await by.fetch(`${app.url}/${route}`, body === undefined ? {} : post(body));
      const text = await response.text();
      if (!response.ok) throw new Error(`${route} got ${response.status}: ${text}`);
      return JSON.parse(text) as Data;
    };
    /** The data as the peer sees it, without the stores' and our own notes, which it carries along. */
    const peersData = async (by = jar): Promise<Data> => {
      const data = await at(there, 'me', undefined, by);
      return Object.fromEntries(Object.entries(data).filter(([key]) => !NOTES.has(key)));
    };
    /** The data as ours sees it. What clashes with a name of the session's is reached by `dataOf`, and carried along. */
    const ourData = (by = jar): Promise<Data> => at(here, 'me', undefined, by);
    const guarded = async (by = jar): Promise<number> => (await by.fetch(`${here.url}/who`)).status;

    beforeEach(async () => {
      place = await open();
      there = await startPeer(place.peer, peerOptions);
      here = await startApp([OursController], {
        store: place.ours,
        secret: SHORT_SECRET,
        allowShortSecret: true,
        name: NAME,
        logger: { warn: () => undefined, error: () => undefined },
        ...ourOptions,
      });
      events = [];
      here.app.get(SessionRegistry).events.subscribe((event) => events.push(event));
      jar = new Jar();
    });
    afterEach(async () => {
      await here.close();
      await there.close();
      await place.close();
    });

    it('logs in there, goes on here, and goes back: still logged in, nothing lost', async () => {
      await at(there, 'login', { ...ann, ...rich });
      const id = idIn(jar);
      expect(id).toMatch(/^[\w-]{32}$/);
      expect(await guarded()).toBe(200);
      await at(here, 'add', { item: 'pen' });
      expect(idIn(jar)).toBe(id);
      expect(await peersData()).toEqual({ ...ann, ...rich, cart: ['book', 'pen'] });
      await at(there, 'add', { item: 'cup' });
      await at(there, 'delete', { key: 'none' });
      const { none: _none, info: _info, login: _login, ...rest } = rich;
      expect(await ourData()).toEqual({ ...ann, ...rest, cart: ['book', 'pen', 'cup'] });
      expect(await at(here, 'who')).toEqual({ principal: '7' });
      await at(here, 'set', { cart: [] });
      expect(await peersData()).toEqual({ ...ann, ...rest, info: rich.info, login: 'a', cart: [] });
      expect(idIn(jar)).toBe(id);
    });

    it('logs in here, goes on there, and comes back: still logged in, nothing lost', async () => {
      await at(here, 'login', { ...ann, cart: ['book'] });
      const since = (await at(here, 'who'))['at'];
      expect(since).toBeDefined();
      await at(there, 'add', { item: 'pen' });
      expect(await peersData()).toEqual({ ...ann, cart: ['book', 'pen'] });
      expect(await ourData()).toEqual({ ...ann, cart: ['book', 'pen'] });
      // `cart` was given to login(), so a peer that changes it takes the time of the login away; who it is stays.
      expect(await at(here, 'who')).toEqual({ principal: '7' });
      await at(here, 'add', { item: 'cup' });
      expect(await peersData()).toEqual({ ...ann, cart: ['book', 'pen', 'cup'] });
    });

    it('keeps the time of a login here through changes there', async () => {
      await at(here, 'login', ann);
      const before = await at(here, 'who');
      await at(there, 'add', { item: 'pen' });
      expect(await at(here, 'who')).toEqual(before);
      expect(before['at']).toBeDefined();
    });

    it('takes the cart of a guest there along into a login here; the old id is worthless on both sides', async () => {
      await at(there, 'add', { item: 'book' });
      const guest = copyOf(jar);
      await at(here, 'login', ann);
      expect(idIn(jar)).not.toBe(idIn(guest));
      expect(await peersData()).toEqual({ ...ann, cart: ['book'] });
      expect(await peersData(copyOf(guest))).toEqual({});
      expect(await guarded(copyOf(guest))).toBe(401);
      // Not even when the peer writes to what is left of it.
      await at(there, 'set', { user: { id: 8 } }, copyOf(guest));
      expect(await guarded(copyOf(guest))).toBe(401);
      expect(await at(here, 'who')).toMatchObject({ principal: '7' });
    });

    it('goes on there under an id that was renewed here', async () => {
      await at(there, 'login', { ...ann, cart: ['book'] });
      const before = copyOf(jar);
      await at(here, 'renew', {});
      expect(idIn(jar)).not.toBe(idIn(before));
      expect(await peersData()).toEqual({ ...ann, cart: ['book'] });
      expect(await peersData(before)).toEqual({});
    });

    it('follows a login there to its new id; the old one is worthless here too', async () => {
      await at(here, 'add', { item: 'book' });
      const guest = copyOf(jar);
      await at(there, 'login', ann);
      expect(idIn(jar)).not.toBe(idIn(guest));
      expect(await guarded()).toBe(200);
      expect(await guarded(guest)).toBe(401);
      expect(await ourData(guest)).toEqual({});
    });

    it.each(['here', 'there'] as const)('is logged out on both sides by a logout %s', async (side) => {
      await at(there, 'login', ann);
      expect(await guarded()).toBe(200);
      const [first, second] = [copyOf(jar), copyOf(jar)];
      await at(side === 'here' ? here : there, 'logout', {});
      expect(await guarded(first)).toBe(401);
      expect(await peersData(second)).toEqual({});
    });

    it('is logged out there by a logout here of somebody who logged in here', async () => {
      await at(here, 'login', ann);
      const late = copyOf(jar);
      await at(here, 'logout', {});
      expect(await peersData(late)).toEqual({});
      expect(await guarded(late)).toBe(401);
    });

    it("knows passport's sessions, and passport knows ours", async () => {
      await at(there, 'login', { passport: { user: 7 }, cart: ['book'] });
      expect(await at(here, 'who')).toMatchObject({ principal: '7' });
      const { sessions } = await here.app.get(SessionRegistry).list({ principal: '7' });
      expect(sessions.length).toBe(1);
      await at(here, 'add', { item: 'pen' });
      expect(await peersData()).toEqual({ passport: { user: 7 }, cart: ['book', 'pen'] });
      await at(here, 'passport', { passport: { user: 8 } });
      expect(await peersData()).toEqual({ passport: { user: 8 } });
      await at(there, 'add', { item: 'cup' });
      expect(await at(here, 'who')).toMatchObject({ principal: '8' });
    });

    it('is ended there too by whoever revokes it here', async () => {
      await at(there, 'login', ann);
      expect(await guarded()).toBe(200);
      expect(await here.app.get(SessionRegistry).revokeAll('7')).toBe(1);
      expect(await peersData(copyOf(jar))).toEqual({});
      expect(await guarded()).toBe(401);
    });

    it.each(['here', 'there'] as const)(
      'is logged out here when the peer deletes the user of a login %s',
      async (side) => {
        await at(side === 'here' ? here : there, 'login', { ...ann });
        await at(here, 'add', { item: 'book' });
        expect(await guarded()).toBe(200);
        await at(there, 'delete', { key: 'user' });
        expect(await guarded()).toBe(401);
        expect(await ourData()).toEqual({ cart: ['book'] });
        await at(here, 'add', { item: 'pen' });
        expect(events.filter(({ type }) => type === 'principal-void').length).toBe(side === 'here' ? 1 : 0);
        expect((await here.app.get(SessionRegistry).list({ principal: '7' })).sessions).toEqual([]);
      },
    );

    it('belongs to another when the peer puts another user in, without the time of the login', async () => {
      await at(here, 'login', ann);
      await at(there, 'set', { user: { id: 8 } });
      expect(await at(here, 'who')).toEqual({ principal: '8' });
    });

    it('takes no cookie whose signature was changed, on either side', async () => {
      await at(there, 'login', ann);
      const value = jar.cookies.get(NAME)!;
      const forged = (): Jar => {
        const other = new Jar();
        other.cookies.set(NAME, `${value.slice(0, -3)}${value.endsWith('AAA') ? 'BBB' : 'AAA'}`);
        return other;
      };
      expect(await guarded(forged())).toBe(401);
      expect(await peersData(forged())).toEqual({});
      expect(await guarded()).toBe(200);
    });
  });
}

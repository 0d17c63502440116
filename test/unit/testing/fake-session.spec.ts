import { describe, expect, it, jest } from '@jest/globals';
import { dataOf, ReservedKeyError, type Session } from 'nestjs-keycard';
import { FakeSession, ManualClock } from 'nestjs-keycard/testing';
import { z } from 'zod';

interface Data {
  user: { name: string };
  cart: string[];
}

/** Stands for an app's controller. */
class Controller {
  add(session: Session<Data>, item: string): void {
    session.cart = [...(session.cart ?? []), item];
  }
  async login(session: Session<Data>): Promise<void> {
    await session.login(7, { user: { name: 'Ada' } });
  }
  async logout(session: Session<Data>): Promise<void> {
    await session.logout();
  }
}

describe('FakeSession', () => {
  it('works under NODE_ENV=production too: its secret is no secret (#13.5)', () => {
    const { NODE_ENV } = process.env;
    process.env.NODE_ENV = 'production';
    try {
      expect(new FakeSession({ principal: '7' }).info.principal).toBe('7');
    } finally {
      process.env.NODE_ENV = NODE_ENV;
    }
  });

  it('holds the data that it was given, and takes what a controller writes', () => {
    const session = new FakeSession<Data>({ data: { cart: ['apple'] } });
    new Controller().add(session, 'pear');
    expect(session.cart).toEqual(['apple', 'pear']);
    expect(dataOf(session)).toEqual({ cart: ['apple', 'pear'] });
  });

  it("is a new visitor's without anything, and an older one with data or a principal", () => {
    expect(new FakeSession().info).toMatchObject({ isNew: true, principal: undefined });
    expect(new FakeSession<Data>({ data: { cart: [] } }).info).toMatchObject({ isNew: false, principal: undefined });
    const at = new Date(1_900_000_000_000);
    const session = new FakeSession({
      principal: 7,
      authenticatedAt: at,
      clock: new ManualClock(at.getTime() + 5),
      device: { userAgent: 'Firefox' },
    });
    expect(session.info).toMatchObject({
      isNew: false,
      principal: '7',
      authenticatedAt: at,
      device: { userAgent: 'Firefox' },
    });
    expect(session.info.createdAt.getTime()).toBe(at.getTime() + 5);
  });

  it('logs in with a new id at the next save', async () => {
    const session = new FakeSession<Data>({ data: { cart: ['apple'] } });
    const { id } = session;
    await new Controller().login(session);
    await session.save();
    expect(session.info.principal).toBe('7');
    expect(session.info.authenticatedAt).toBeInstanceOf(Date);
    expect(session).toMatchObject({ cart: ['apple'], user: { name: 'Ada' } });
    expect(session.id).not.toBe(id);
  });

  it('ends, and says that it has', async () => {
    const session = new FakeSession<Data>({ principal: '7' });
    expect(FakeSession.current(session)).toBe(session);
    await new Controller().logout(session);
    expect(FakeSession.current(session)).toBeUndefined();
    await expect(session.save()).rejects.toMatchObject({ code: 'ENDED' });
  });

  it('is replaced by regenerate()', async () => {
    const session = new FakeSession<Data>({ data: { cart: ['apple'] } });
    const next = await session.regenerate();
    expect(next.cart).toBeUndefined();
    expect(FakeSession.current(session)).toBe(next);
  });

  it('saves, updates and reloads', async () => {
    const session = new FakeSession<Data>({ data: { cart: ['apple'] } });
    session.user = { name: 'Ada' };
    await session.update((draft) => {
      draft.cart!.push('pear');
    });
    session.cart = [];
    await session.reload();
    expect(dataOf(session)).toEqual({ cart: ['apple', 'pear'], user: { name: 'Ada' } });
  });

  it('refuses what a real one refuses', () => {
    const session = new FakeSession();
    expect(() => Object.assign(session, { save: 1 })).toThrow(ReservedKeyError);
    expect(() => new FakeSession({ data: { save: 1 } as never })).toThrow(ReservedKeyError);
  });

  it('expires by the clock that it was given', async () => {
    const clock = new ManualClock();
    const session = new FakeSession<Data>({ data: { cart: [] }, clock, options: { idleTimeout: '10m' } });
    clock.advance(600_001);
    await expect(session.reload()).rejects.toMatchObject({ code: 'ENDED' });
  });

  it('takes the options of the app that matter', () => {
    const schema = z.object({ cart: z.array(z.string()).default([]) });
    expect(new FakeSession<Data>({ options: { schema } }).cart).toEqual([]);
    expect(
      new FakeSession<Record<string, unknown>>({
        data: { me: 7 },
        options: { principalOf: (data) => data.me as number },
      }).info.principal,
    ).toBe('7');
  });

  it('can be spied on', async () => {
    const session = new FakeSession<Data>({ principal: '7' });
    const logout = jest.spyOn(session, 'logout');
    await new Controller().logout(session);
    expect(logout).toHaveBeenCalledTimes(1);
    expect(Object.keys(session)).toEqual([]);
  });

  it('discards what was changed, as a real session does (#13.20)', async () => {
    const session = new FakeSession({ principal: '7', data: { cart: ['apple'] } });
    session.cart = [];
    await session.login('8');
    await session.discard();
    expect([session.cart, session.info.principal]).toEqual([['apple'], '7']);
  });
});

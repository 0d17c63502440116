import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SESSION_CHANNEL, type SessionEvent, SessionEvents } from '../../../lib/common/session-events.js';

let reports: unknown[];
const events = (salt = 'salt'): SessionEvents =>
  new SessionEvents(
    Buffer.from(salt),
    () => 7,
    (_, cause) => reports.push(cause),
  );

beforeEach(() => {
  reports = [];
});

describe('SessionEvents', () => {
  it('gives each listener the event, with a salted hash instead of the id', () => {
    const heard: SessionEvent[] = [];
    const [one, other] = [events(), events('another salt')];
    for (const each of [one, other]) each.listen((event) => heard.push(event));
    one.emit('destroyed', 'the id', { handle: 'h', principal: 'ada' });
    other.emit('destroyed', 'the id');
    expect(heard[0]).toEqual({ type: 'destroyed', at: 7, session: heard[0]!.session, handle: 'h', principal: 'ada' });
    expect(heard[0]!.session).toMatch(/^[\w-]{22}$/);
    expect(heard[1]!.session).not.toBe(heard[0]!.session);
  });

  it('calls the other listeners if one throws, and reports it', () => {
    const heard: string[] = [];
    const broken = new Error('broken');
    const all = events();
    all.listen(() => {
      throw broken;
    });
    all.listen(({ type }) => heard.push(type));
    all.emit('expired', 'id');
    expect(heard).toEqual(['expired']);
    expect(reports).toEqual([broken]);
  });

  it('stops calling a listener that was removed', () => {
    const heard: string[] = [];
    const all = events();
    const stop = all.listen(({ type }) => heard.push(type));
    stop();
    all.emit('expired', 'id');
    expect(heard).toEqual([]);
  });

  it('publishes on the diagnostics channel', () => {
    const heard: unknown[] = [];
    const hear = (event: unknown): void => void heard.push(event);
    subscribe(SESSION_CHANNEL, hear);
    events().emit('created', 'id');
    unsubscribe(SESSION_CHANNEL, hear);
    expect(heard).toMatchObject([{ type: 'created' }]);
  });

  it('tells listeners of handles also of a hint, which has no event', () => {
    const heard: unknown[] = [];
    const all = events();
    all.onHandle((type, handle, event) => heard.push([type, handle, event?.().type]));
    all.emit('revoked', 'id', { handle: 'h' });
    all.emit('expired', 'id');
    all.hint('h');
    expect(heard).toEqual([
      ['revoked', 'h', 'revoked'],
      ['renewed', 'h', undefined],
    ]);
  });
});

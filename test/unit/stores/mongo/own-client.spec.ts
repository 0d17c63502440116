import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { OwnClient } from '../../../../lib/stores/mongo/own-client.js';

const LIMIT = 2_000;

function clientAt(connectTimeoutMS = LIMIT) {
  const events = Object.assign(new EventEmitter(), { options: { connectTimeoutMS } });
  const clock = { now: 0 };
  const own = new OwnClient(events as never, () => clock.now);
  const tell = (what: string, connectionId = 'a:1', awaited = false) =>
    events.emit(`serverHeartbeat${what}`, { connectionId, awaited });
  return { own, clock, tell };
}

describe('the own client of a MongoStore', () => {
  it('is stuck when a check has begun, neither ended nor failed in its time, and none has since', () => {
    const { own, clock, tell } = clientAt();
    expect(own.isStuck).toBe(false);
    tell('Started');
    clock.now = LIMIT + 500;
    expect(own.isStuck).toBe(false);
    clock.now += 1;
    expect(own.isStuck).toBe(true);
  });

  it.each(['Succeeded', 'Failed'])('is not stuck when its checks end (%s), however long ago', (end) => {
    const { own, clock, tell } = clientAt();
    tell('Started');
    tell(end);
    clock.now = 1e9;
    expect(own.isStuck).toBe(false);
  });

  it('is not stuck while the server is to tell of changes, or while it hears of another member', () => {
    const { own, clock, tell } = clientAt();
    tell('Started', 'a:1', true);
    clock.now = 1e9;
    expect(own.isStuck).toBe(false);
    tell('Started', 'a:1');
    clock.now += LIMIT;
    tell('Started', 'b:1');
    tell('Succeeded', 'b:1');
    clock.now += LIMIT;
    expect(own.isStuck).toBe(false);
    clock.now += LIMIT;
    expect(own.isStuck).toBe(true);
  });

  it('is never stuck where a connection may take for ever', () => {
    const { own, clock, tell } = clientAt(0);
    tell('Started');
    clock.now = 1e9;
    expect(own.isStuck).toBe(false);
  });
});

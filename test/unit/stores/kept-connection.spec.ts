import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KeptConnection } from '../../../lib/stores/kept-connection.js';

/** What the connection was told, and what it did. */
let log: string[];
/** How many of the next tries fail. */
let failures: number;
let lose: () => void;
let kept: KeptConnection;

beforeEach(() => {
  jest.useFakeTimers();
  log = [];
  failures = 0;
  kept = new KeptConnection(
    async (lost) => {
      if (failures > 0) {
        failures -= 1;
        log.push('failed');
        throw new Error('down');
      }
      log.push('connected');
      lose = lost;
      return async () => void log.push('stopped');
    },
    (isUp) => log.push(isUp ? 'up' : 'down'),
  );
});
afterEach(() => void jest.useRealTimers());

describe('KeptConnection', () => {
  it('throws if the first try fails, and does not try again', async () => {
    failures = 1;
    await expect(kept.connect()).rejects.toThrow('down');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('connects again when the connection is lost, at growing intervals', async () => {
    await kept.connect();
    failures = 2;
    lose();
    for (const ms of [200, 400]) await jest.advanceTimersByTimeAsync(ms);
    expect(log).toEqual(['connected', 'down', 'failed', 'failed']);
    await jest.advanceTimersByTimeAsync(799);
    expect(log).toHaveLength(4);
    await jest.advanceTimersByTimeAsync(1);
    expect(log.slice(4)).toEqual(['connected', 'up']);
  });

  it('waits at most 5 s, and begins with 200 ms again after a success', async () => {
    await kept.connect();
    failures = 9;
    lose();
    await jest.advanceTimersByTimeAsync(200 + 400 + 800 + 1_600 + 3_200 + 4 * 5_000 + 5_000);
    expect(log.at(-1)).toBe('up');
    lose();
    await jest.advanceTimersByTimeAsync(200);
    expect(log.slice(-3)).toEqual(['down', 'connected', 'up']);
  });

  it('does not hear twice that one connection was lost', async () => {
    await kept.connect();
    const first = lose;
    first();
    await jest.advanceTimersByTimeAsync(200);
    first();
    expect(log.filter((each) => each === 'down')).toHaveLength(1);
  });

  it('ends for good, also while it tries to connect', async () => {
    await kept.connect();
    await kept.end();
    lose();
    expect([log, jest.getTimerCount()]).toEqual([['connected', 'stopped'], 0]);
    await kept.connect();
    expect(log.slice(2)).toEqual(['connected', 'stopped']);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';
import { WriteNonces } from '../../../lib/record/write-nonces.js';

let now: number;
let facts: SessionMetadata;
const writer = () => new WriteNonces(() => now, 5_000);
/** Writes, and gives the nonce of it. */
function write(nonces: WriteNonces): string {
  facts = { ...facts };
  nonces.stamp(facts);
  return facts.nonce;
}

beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  facts = { createdAt: now, seenAt: now, expiresAt: now + 1_000, handle: 'a-handle', nonce: '' };
});

describe('nonces of writes', () => {
  it('are never the same, with the clock at rest, or set back', () => {
    const one = writer();
    const seen = new Set<string>();
    for (let n = 0; n < 100; n += 1) seen.add(write(one)).add(write(writer()));
    now -= 3_600_000;
    for (let n = 0; n < 100; n += 1) seen.add(write(one));
    expect(seen.size).toBe(300);
  });

  it('leave no trace if there is only one writer', () => {
    const one = writer();
    for (let n = 0; n < 10; n += 1) write(one);
    expect(facts).not.toHaveProperty('q');
  });

  it('of every other writer the last one stays in the record', () => {
    const [a, b, c] = [writer(), writer(), writer()];
    const first = write(a);
    write(b);
    expect(WriteNonces.has(facts, first)).toBe(true);
    const second = write(a);
    const third = write(b);
    write(c);
    expect(facts.earlierNonces).toEqual([third, second]);
    for (const nonce of [second, third, facts.nonce]) expect(WriteNonces.has(facts, nonce)).toBe(true);
    expect(WriteNonces.has(facts, first)).toBe(false);
    expect(WriteNonces.has(undefined, first)).toBe(false);
  });

  it('stay as long as somebody waits for the answer, in the same process too', () => {
    const one = writer();
    const waiting = write(one);
    one.await(waiting);
    for (let n = 0; n < 3; n += 1) write(one);
    expect(WriteNonces.has(facts, waiting)).toBe(true);
    one.settle(waiting);
    write(one);
    expect(facts).not.toHaveProperty('q');
  });

  it('stay then in its own process whatever the clock does, and however many others wrote', () => {
    const one = writer();
    const waiting = write(one);
    one.await(waiting);
    for (let n = 0; n < 15; n += 1) write(writer());
    for (let n = 0; n < 3; n += 1) one.await(write(one));
    expect(facts.earlierNonces).toHaveLength(16);
    expect(WriteNonces.has(facts, waiting)).toBe(true);
    now -= 3_600_000;
    write(one);
    expect(WriteNonces.has(facts, waiting)).toBe(true);
    now += 7_200_000;
    write(one);
    expect(WriteNonces.has(facts, waiting)).toBe(true);
  });

  it('tell the time of a process that writes faster than its clock ticks', () => {
    const [busy, other] = [writer(), writer()];
    const elsewhere = { ...facts };
    for (let ms = 0; ms < 70_000; ms += 1) {
      now += 1;
      for (let n = 0; n < 2; n += 1) busy.stamp({ ...elsewhere });
    }
    const last = write(busy);
    write(other);
    expect(WriteNonces.has(facts, last)).toBe(true);
  });

  it('go after a minute, whichever clock was ahead', () => {
    const [a, b] = [writer(), writer()];
    const first = write(a);
    now += 59_000;
    write(b);
    expect(WriteNonces.has(facts, first)).toBe(true);
    now += 2_000;
    write(b);
    expect(WriteNonces.has(facts, first)).toBe(false);
    const ahead = write(a);
    now -= 59_000;
    write(b);
    expect(WriteNonces.has(facts, ahead)).toBe(true);
    now -= 2_000;
    write(b);
    expect(WriteNonces.has(facts, ahead)).toBe(false);
  });

  it('are dropped after twice the time that a store may take, if that is longer', () => {
    const [a, b] = [new WriteNonces(() => now, 60_000), new WriteNonces(() => now, 60_000)];
    const first = write(a);
    now += 119_000;
    write(b);
    expect(WriteNonces.has(facts, first)).toBe(true);
  });

  it('are at most 16, the latest', () => {
    const all = Array.from({ length: 40 }, () => write(writer()));
    expect(facts.earlierNonces).toEqual(all.slice(23, 39).reverse());
  });

  it('that are none are dropped', () => {
    const beginning = writer();
    const good = write(beginning);
    facts.earlierNonces = [
      '',
      '__proto__',
      'x'.repeat(1_000),
      'abcdefgh',
      `${good}!${'x'.repeat(1_000)}`,
      `${good}${'0'.repeat(1_000)}`,
    ];
    facts.nonce = 'not-one-of-ours';
    write(writer());
    expect(facts).not.toHaveProperty('q');
  });
});

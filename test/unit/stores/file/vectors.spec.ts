import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { ManualClock } from '../../../../lib/testing/contract/manual-clock.js';

interface Vector {
  readonly description: string;
  readonly files?: readonly string[];
  readonly content?: string;
  readonly getReturns?: Record<string, unknown> | null;
  readonly touch10sLater?: { readonly content: string };
  readonly wroteOutside?: boolean;
}

const SECOND = 1000;
const DAY = 86_400_000;
/** When they were captured. */
const THEN = Date.parse('2026-01-01T00:00:00.000Z');

const { vectors } = JSON.parse(
  fs.readFileSync(join(import.meta.dirname, '..', '..', '..', 'vectors', 'file.json'), 'utf8'),
) as { vectors: Vector[] };

function vectorOf(description: string): Vector & { content: string; touched: string } {
  const vector = vectors.find((one) => one.description.startsWith(description))!;
  return { ...vector, content: vector.content!, touched: vector.touch10sLater?.content ?? '' };
}

/** Their record without what they add to it: what we give. */
function plain(content: string): string {
  const { __lastAccess: _, ...rest } = JSON.parse(content) as Record<string, unknown>;
  return JSON.stringify(rest);
}

let path: string;
let clock: ManualClock;
let store: FileStore;

const contentOf = (): string => fs.readFileSync(join(path, 'abc123.json'), 'utf8');

function put(content: string): void {
  fs.writeFileSync(join(path, 'abc123.json'), content);
}

beforeEach(async () => {
  path = fs.mkdtempSync(join(tmpdir(), 'keycard-vectors-'));
  clock = new ManualClock(THEN);
  store = new FileStore({ path, clock, fsync: false, pruneInterval: false });
  await store.open();
});
afterEach(async () => {
  await store.close();
  fs.rmSync(path, { recursive: true });
});

it('covers every captured vector', () => {
  expect(vectors.map((vector) => vector.description)).toEqual([
    'plain object as in the brief',
    'live Session, browser-session cookie (no maxAge)',
    'live Session, already expired (maxAge -1000)',
    'sid "../escape" is written outside the folder (no sanitising)',
  ]);
});

describe.each([
  ['plain object', DAY],
  ['live Session, browser-session cookie', 3600 * SECOND],
])('the vector "%s"', (description, life) => {
  it('is read as they read it, less the __lastAccess that they leave in the data', async () => {
    const vector = vectorOf(description);
    put(vector.content);
    expect((await store.load('abc123'))?.text).toBe(plain(vector.content));
    expect(JSON.parse((await store.load('abc123'))!.text)).toEqual(
      JSON.parse(plain(JSON.stringify(vector.getReturns))),
    );
  });

  it('is written byte for byte', async () => {
    const vector = vectorOf(description);
    await store.create('abc123', { text: plain(vector.content), expiresAt: THEN + life });
    expect(contentOf()).toBe(vector.content);
    expect(fs.readdirSync(path)).toEqual(['.keycard', 'abc123.json']);
  });

  it('is moved on by 10 s byte for byte as their touch does', async () => {
    const vector = vectorOf(description);
    put(vector.content);
    const { revision } = (await store.load('abc123'))!;
    const next = { text: plain(vector.touched), expiresAt: THEN + 10 * SECOND + life };
    expect(await store.replace('abc123', next, revision)).toBe('ok');
    expect(contentOf()).toBe(vector.touched);
  });

  it('ends when they say', async () => {
    put(vectorOf(description).content);
    clock.advance(life - 1);
    expect(await store.load('abc123')).toBeDefined();
    clock.advance(1);
    expect(await store.load('abc123')).toBeUndefined();
    expect(fs.existsSync(join(path, 'abc123.json'))).toBe(true);
  });
});

describe('the vector "live Session, already expired"', () => {
  it('is no session, as for them', async () => {
    const vector = vectorOf('live Session, already expired');
    put(vector.content);
    expect(vector.getReturns).toBeNull();
    expect(await store.load('abc123')).toBeUndefined();
  });

  it('pins a defect, that their touch writes it again without its data: here it is gone', async () => {
    const vector = vectorOf('live Session, already expired');
    expect(JSON.parse(vector.touched)).not.toHaveProperty('user');
    put(vector.content);
    const next = { text: plain(vector.touched), expiresAt: THEN + DAY };
    expect(await store.replace('abc123', next, undefined)).toBe('gone');
    expect(contentOf()).toBe(vector.content);
  });
});

it('the vector of the id "../escape" pins a defect, a file outside the folder: here it is inside', async () => {
  expect(vectorOf('sid "../escape"').wroteOutside).toBe(true);
  await store.create('../escape', { text: '{}', expiresAt: THEN + DAY });
  expect(fs.existsSync(join(path, '..', 'escape.json'))).toBe(false);
  expect(fs.readdirSync(path)).toEqual(['.keycard', expect.stringMatching(/^~/)]);
});

it('the mode 644 of their files pins a defect, sessions that others can read: here it is 600', async () => {
  await store.create('abc123', { text: '{}', expiresAt: THEN + DAY });
  expect(fs.statSync(join(path, 'abc123.json')).mode & 0o777).toBe(0o600);
});

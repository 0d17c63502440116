import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** What was captured of express-session and the stores for it, and which specs reproduce it. */
interface Coverage {
  /** Of all vectors of the file, as JSON: nobody mends a vector to make a test pass. */
  readonly digest: string;
  /** Each case, by the list that it is in. */
  readonly cases: Readonly<Record<string, number>>;
  /** Specs that go through these lists with `each`, or where each case is, by its description: words of the spec that is about it. */
  readonly specs: Readonly<Record<string, 'each' | Readonly<Record<string, string>>>>;
}

const REDIS = {
  'plain object as in the brief': 'it.each(withValue)',
  'live Session, browser-session cookie (no maxAge)': 'it.each(withValue)',
  'live Session, already expired (maxAge -1000)': "vector('already expired')",
  'option disableTTL': "vector('disableTTL')",
  'get of a missing sid returns': 'has nothing for an id that is missing',
  'ids() strips the prefix': "vector('ids()')",
};
const FILE = {
  'plain object as in the brief': "['plain object', DAY]",
  'live Session, browser-session cookie (no maxAge)': "['live Session, browser-session cookie', 3600 * SECOND]",
  'live Session, already expired (maxAge -1000)': "vectorOf('live Session, already expired')",
  'sid "../escape" is written outside the folder (no sanitising)': 'vectorOf(\'sid "../escape"\')',
};

const COVERAGE: Readonly<Record<string, Coverage>> = {
  'cookie.json': {
    digest: 'bbb5670c4fc6a6f176f8e7e12488ea1a',
    cases: { signature: 1, 'incomingCookie.vectors': 10, 'setCookie.vectors': 26 },
    specs: { 'e2e/cookie/cookie-vectors.spec.ts': 'each', 'unit/express/vectors.spec.ts': 'each' },
  },
  'memory.json': {
    digest: 'c3ed8a065d4173d073a5ce3f89e064a5',
    cases: { session: 1, vectors: 3 },
    specs: { 'unit/express/vectors.spec.ts': 'each' },
  },
  'redis.json': {
    digest: 'bcad1abe3f7cad2b1d06a382d0a199cd',
    cases: { vectors: 6 },
    specs: { 'e2e/redis/interop.spec.ts': REDIS },
  },
  'postgres.json': {
    digest: '74e543fc296e672d30c9b1334ce68677',
    cases: { vectors: 5 },
    specs: { 'e2e/postgres/vectors.spec.ts': 'each' },
  },
  'file.json': {
    digest: '2308a4daa07ba82a17688fae1a19f652',
    cases: { vectors: 4 },
    specs: { 'unit/stores/file/vectors.spec.ts': FILE },
  },
  'mongo.json': {
    digest: '8797d6678e6443cad2895310c4cb0017',
    cases: { vectors: 6, 'realBson.stringifyFalse': 1, 'realBson.stringifyTrue': 1 },
    specs: { 'e2e/mongo/vectors.spec.ts': 'each' },
  },
};

const tests = join(import.meta.dirname, '..');
const folder = join(tests, 'vectors');
const read = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
/** The lists of cases in a file, by their path in it. What is told beside them isn't one. */
function casesIn(value: Record<string, unknown>, path = ''): [path: string, cases: unknown[]][] {
  const cases: [string, unknown[]][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' || inner === null || key === 'table') continue;
    if (Array.isArray(inner)) cases.push([path + key, inner]);
    else if (
      Object.values(inner as object).some(
        (each) => Array.isArray(each) || (key === 'realBson' && typeof each === 'object'),
      )
    ) {
      cases.push(...casesIn(inner as Record<string, unknown>, `${path}${key}.`));
    } else cases.push([path + key, [inner]]);
  }
  return cases;
}
const digestOf = (name: string): string => hash('sha256', JSON.stringify(casesIn(read(name))), 'hex').slice(0, 32);

describe('the captured vectors', () => {
  it('are all known here', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(COVERAGE).sort());
  });

  describe.each(Object.entries(COVERAGE))('%s', (name, { digest, cases, specs }) => {
    it('holds the cases that the specs below reproduce, as they were captured', () => {
      expect(Object.fromEntries(casesIn(read(name)).map(([path, list]) => [path, list.length]))).toEqual(cases);
      expect(digestOf(name)).toBe(digest);
    });

    it.each(Object.entries(specs))('is gone through case by case: %s', (spec, how) => {
      const source = readFileSync(join(tests, spec), 'utf8');
      expect(source).toContain(name);
      if (how === 'each') {
        expect(source).toMatch(/\b(?:it|describe)\.each\(|for \(const (?:vector|\{ description)/);
        return;
      }
      const descriptions = casesIn(read(name)).flatMap(([, list]) =>
        list.map((each) => (each as { description: string }).description),
      );
      expect(Object.keys(how)).toEqual(descriptions);
      for (const words of Object.values(how)) expect(source).toContain(words);
    });
  });
});

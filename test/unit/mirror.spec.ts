import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');
const { mutants } = (await import(pathToFileURL(join(ROOT, 'test/mutants/mutants.mjs')).href)) as {
  mutants: readonly { readonly file: string }[];
};

/** The rooms that need neither Nest nor Express nor a server. */
const ENGINE = ['common', 'cookie', 'options', 'record', 'session', 'commit', 'signal', 'transports'];

/** Folders of test/unit that are not about lib. */
const NOT_OF_LIB = ['docs', 'package', 'schematics', 'scripts', 'support'];

/** Specs of test/unit that are about several files of their room. */
const OF_A_ROOM = ['commit/lost-replies', 'express/imports', 'express/vectors', 'stores/file/vectors'];

/** Files of the engine that only a request, a store or a socket shows at work, and the spec that fails if one is broken. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  'commit/commit-state': 'e2e/session/commit-table',
  'commit/principal-records': 'e2e/identity/cap',
  'commit/session-creator': 'e2e/session/commit-table',
  'signal/end-bus': 'e2e/gateways/processes/bus',
  'signal/session-signal': 'e2e/gateways/ends',
  'transports/http/set-cookie': 'e2e/cookie/cacheable',
  'transports/websockets/message-session': 'e2e/gateways/messages',
  'transports/websockets/socket-session': 'e2e/gateways/messages',
};

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length).replaceAll(sep, '/'));

const lib = filesIn('lib', '.ts');
const specs = filesIn('test/unit', '.spec.ts');

/** Whether a file has more than types and constants. */
function hasCode(file: string): boolean {
  const source = readFileSync(join(ROOT, 'lib', `${file}.ts`), 'utf8');
  return /^(?:export )?(?:abstract |async )*(?:function|class)\b|^(?:export )?const \w+[^;]*=>/m.test(source);
}

/** `response-gate-failure` is about `response-gate`. */
const isAbout = (spec: string, file: string): boolean => spec === file || spec.startsWith(`${file}-`);

describe('test/unit mirrors lib (#14.11)', () => {
  const ofLib = specs.filter((spec) => spec.includes('/') && !NOT_OF_LIB.includes(spec.split('/')[0]!));

  it.each(ofLib.filter((spec) => !OF_A_ROOM.includes(spec)))('%s has the path of a file of lib', (spec) =>
    expect(lib.some((file) => isAbout(spec, file))).toBe(true),
  );

  const broken = new Set(mutants.map(({ file }) => file));
  const engine = lib.filter((file) => ENGINE.includes(file.split('/')[0]!) && hasCode(file));
  const shownElsewhere = engine.filter((file) => !specs.includes(file) && !broken.has(`lib/${file}.ts`));

  it('finds the files of the engine', () => expect(engine.length).toBeGreaterThan(80));

  it('each of them has a spec here, or a mutant that another spec catches, or is named above', () =>
    expect(shownElsewhere.sort()).toEqual(Object.keys(SHOWN_BY).sort()));

  it.each(Object.values(SHOWN_BY))('test/%s.spec.ts exists', (path) =>
    expect(existsSync(join(ROOT, 'test', `${path}.spec.ts`))).toBe(true),
  );
});

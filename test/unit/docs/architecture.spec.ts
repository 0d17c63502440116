import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const rooms = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `lib/'))
  .map((line) => line.split('|')[1]!);

/** Paths of a row: one that begins with no folder lies in the folder of the one before it. */
function pathsOf(row: string): string[] {
  let folder = '';
  return [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => {
    const path = name!.startsWith('lib/') ? name! : `${folder}/${name}`;
    folder = path.slice(0, path.lastIndexOf('/'));
    return path;
  });
}

function isThere(path: string): boolean {
  if (!path.includes('*')) return existsSync(join(ROOT, path));
  const [folder, name] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
  const [start, end] = name.split('*') as [string, string];
  return readdirSync(join(ROOT, folder)).some((file) => file.startsWith(start) && file.endsWith(end));
}

interface Step {
  readonly file: string;
  readonly name: string;
}

/** The steps of a walk: the numbered lines of its section. */
function walk(title: string): Step[] {
  const page = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');
  const section = page.slice(page.indexOf(`### ${title}`)).split('\n#')[0]!;
  return [...section.matchAll(/^\d+\. `([^#`]+)#(\w+)`/gm)].map(([, file, name]) => ({ file: file!, name: name! }));
}

const sourceOf = (file: string): string => readFileSync(join(ROOT, 'lib', file), 'utf8');

describe.each([
  ["A cookie's value comes in", 15, 8],
  ['A changed key', 20, 8],
])('the walk "%s" of docs/architecture.md (#14.3)', (title, mostCalls, mostFiles) => {
  const steps = walk(title);

  it(`has at most ${mostCalls} calls in ${mostFiles} files`, () => {
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.length).toBeLessThanOrEqual(mostCalls);
    expect(new Set(steps.map(({ file }) => file)).size).toBeLessThanOrEqual(mostFiles);
  });

  it.each(steps)('$file#$name exists', ({ file, name }) => {
    const definition = new RegExp(`^(?:export )?function ${name}\\b|^  (?:[a-z]+ )*${name}(?:<\\w+>)?\\(`, 'm');
    expect(definition.test(sourceOf(file))).toBe(true);
  });

  it.each(steps.slice(1).filter(({ name }) => name !== 'constructor'))('an earlier file names $name()', (step) => {
    const before = steps.slice(0, steps.indexOf(step)).map(({ file }) => sourceOf(file));
    expect(before.some((source) => new RegExp(`\\b${step.name}(?:<\\w+>)?\\(`).test(source))).toBe(true);
  });
});

describe('docs/architecture.md', () => {
  it('names rooms', () => expect(rooms.length).toBeGreaterThan(5));

  it.each(rooms.flatMap(pathsOf))('%s is there', (path) => expect(isThere(path)).toBe(true));

  it('names each room of lib, and no import goes up (#14.12)', () => {
    const order = rooms.map((row) => pathsOf(row)[0]!);
    const roomOf = (file: string): number => order.findIndex((room) => file === room || file.startsWith(room));
    const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `lib/${name.replaceAll(sep, '/')}`);
    expect(files.filter((file) => roomOf(file) === -1)).toEqual([]);
    const upward = files.flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/from '(\.[^']+)\.js'/g)]
        .map(([, to]) => posix.join(posix.dirname(file), `${to}.ts`))
        .filter((to) => roomOf(to) < roomOf(file))
        .map((to) => `${file} -> ${to}`),
    );
    expect(upward).toEqual([]);
  });
});

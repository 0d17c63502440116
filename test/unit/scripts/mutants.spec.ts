import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..', '..');

const load = async <T>(path: string): Promise<T> => (await import(pathToFileURL(join(ROOT, path)).href)) as T;
const { mutants } = await load<{ mutants: readonly Mutant[] }>('test/mutants/mutants.mjs');
const { planted } = await load<{ planted: readonly Mutant[] }>('test/simulation/mutants.mjs');

describe('a mutant', () => {
  const all = [...mutants, ...planted];

  it.each(all.map((mutant) => [mutant.name, mutant] as const))('finds what it breaks, once: %s', (_name, mutant) => {
    for (const { file, find } of [mutant, ...(mutant.also ?? [])])
      expect(readFileSync(join(ROOT, file ?? mutant.file), 'utf8').split(find)).toHaveLength(2);
  });
});

interface Break {
  readonly file: string;
  readonly find: string;
}

interface Mutant extends Break {
  readonly name: string;
  readonly also?: readonly Break[];
}

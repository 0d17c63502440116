import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';

const lib = join(import.meta.dirname, '..', '..', '..', 'lib');

/** Packages that a module of ours leads to at run time, by whatever way. */
async function packagesOf(entry: string): Promise<Set<string>> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    const source = await readFile(file, 'utf8');
    for (const [, types, from] of source.matchAll(
      /^(?:import|export)\s+(type\s)?(?:[\w*{}\s,]*?\sfrom\s+)?'([^']+)';/gm,
    )) {
      if (types) continue;
      if (from!.startsWith('.')) await visit(join(dirname(file), from!.replace(/\.js$/, '.ts')));
      else packages.add(from!);
    }
  };
  await visit(entry);
  expect(seen.size).toBeGreaterThan(10);
  return packages;
}

it('nestjs-keycard/express loads nothing of Nest, no driver, no Express and no express-session', async () => {
  const packages = await packagesOf(join(lib, 'express', 'index.ts'));
  expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual([]);
  // The same walk finds Nest where it is.
  expect([...(await packagesOf(join(lib, 'index.ts')))]).toContain('@nestjs/common');
});

import { expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

it('no page and no sample has a secret of its own to fall back to: whoever reads it could sign (#16.3)', () => {
  const files = execFileSync('git', ['ls-files', '*.md', 'sample', 'schematics'], { cwd: root, encoding: 'utf8' });
  const found = files
    .trim()
    .split('\n')
    .filter((file) => /\.(md|ts)$/.test(file))
    .filter((file) => /env\.\w*SECRET\w*\s*(\?\?|\|\|)\s*['"`][^'"`]/.test(readFileSync(join(root, file), 'utf8')));
  expect(found).toEqual([]);
});

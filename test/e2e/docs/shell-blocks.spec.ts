import { expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const blocksOf = (page: string): string[] =>
  [...read(page).matchAll(/^```(?:sh|console)\n([\s\S]*?)^```/gm)].map(([, block]) => block!.trim());

/** Each line of a shell block, and what runs it: a text that stands in that file. */
const RUN_BY: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm install nestjs-keycard': ['scripts/check-starters.mjs', "run('npm', 'install', tarball)"],
  'npx nest add nestjs-keycard': ['scripts/check-starters.mjs', "'nest', 'add', 'nestjs-keycard'"],
  'npm ci && npm run sample': ['test/support/sample.ts', "join(path, 'scripts', 'sample.mjs')"],
};

it.each(['README.md', 'docs/getting-started.md'])('each shell block of %s is run by a script (#16)', (page) => {
  for (const block of blocksOf(page)) {
    // The session of curl: test/e2e/docs/readme.spec.ts. The line for .env: below.
    if (block.startsWith('$ export SESSION_SECRET') || block.startsWith('echo "SESSION_SECRET=')) continue;
    const [file, text] = RUN_BY[block] ?? [];
    expect([block, file !== undefined && existsSync(join(root, file)) && read(file).includes(text!)]).toEqual([
      block,
      true,
    ]);
  }
});

it('the line of getting-started that makes a secret makes one of 32 bytes (#16)', () => {
  const line = blocksOf('docs/getting-started.md').find((block) => block.startsWith('echo'))!;
  const folder = mkdtempSync(join(tmpdir(), 'keycard-env-'));
  try {
    execFileSync('sh', ['-c', line], { cwd: folder });
    const [, secret] = /^SESSION_SECRET=(\S+)\n$/.exec(readFileSync(join(folder, '.env'), 'utf8'))!;
    expect(Buffer.from(secret!, 'base64')).toHaveLength(32);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

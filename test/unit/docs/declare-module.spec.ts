import { expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file));

it('each block that declares SessionData shows an import: without one it would replace the types of the package (#16.3)', () => {
  const declaring = ['README.md', ...docs.filter((file) => file.endsWith('.md'))]
    .flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm)])
    .map(([, code]) => code!)
    .filter((code) => code.includes("declare module 'nestjs-keycard'"));
  expect(declaring.length).toBeGreaterThan(2);
  for (const code of declaring) expect(code).toMatch(/^import /m);
});

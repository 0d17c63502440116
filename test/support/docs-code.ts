import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Runs a block of TypeScript of a page of docs/: the first one that holds `mark`. Gives what it exports. */
export async function runDocs<T>(
  page: string,
  mark: string,
  exported: (code: string) => string = (code) => code,
): Promise<T> {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const blocks = [...text.matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
  const code = blocks.find((each) => each.includes(mark));
  if (code === undefined) throw new Error(`docs/${page} has no block of code with "${mark}".`);
  const folder = join(root, 'artifacts', 'docs-run');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${page.replace(/\W/g, '-')}-${mark.replace(/\W/g, '-')}.ts`);
  writeFileSync(file, exported(code));
  return (await import(file)) as T;
}

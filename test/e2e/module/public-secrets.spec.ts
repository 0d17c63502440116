import { afterEach, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryStore, SessionModule } from 'nestjs-keycard';
import { Test } from '@nestjs/testing';

const root = join(import.meta.dirname, '../../..');
const files = ['docs', 'sample', 'schematics']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, String(name))))
  .filter((name) => /\.(md|ts)$/.test(name) && !name.includes('node_modules'));
// What earlier versions showed stays refused: somebody may have copied it.
const shown = new Set<string>([
  'a secret of at least thirty-two bytes',
  'at least thirty-two bytes of it',
  'only for trying it out: 32 bytes',
]);
for (const file of ['README.md', ...files]) {
  for (const [, , secret] of readFileSync(join(root, file), 'utf8').matchAll(/secret: *(['"`])([^'"`\n]{16,})\1/g))
    shown.add(secret!);
}

describe('a secret that our documentation shows', () => {
  const { NODE_ENV } = process.env;
  afterEach(() => {
    process.env.NODE_ENV = NODE_ENV;
  });

  it.each([...shown])('is refused in production (#13.5): %s', async (secret) => {
    process.env.NODE_ENV = 'production';
    const starting = Test.createTestingModule({
      imports: [
        SessionModule.forRoot({
          secret,
          store: new MemoryStore(),
          logger: { warn: () => undefined, error: () => undefined },
        }),
      ],
    }).compile();
    await expect(starting).rejects.toThrow(/got one from this library's documentation/);
  });

  it("is no fallback in README's app (#13.5)", () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8')).not.toMatch(/SESSION_SECRET *(\?\?|\|\|)/);
  });
});

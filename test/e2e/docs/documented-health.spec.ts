import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { expect, it, jest } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { startApp } from '../../support/app.js';

const root = join(import.meta.dirname, '../../..');

it.each([
  ['deploying', 'health'],
  ['health-and-shutdown', 'health/ready'],
])('#13.16 the health route of docs/%s.md answers 503 with the store down', async (page, path) => {
  const blocks = readFileSync(join(root, `docs/${page}.md`), 'utf8').matchAll(/^```ts check\n([\s\S]*?)^```/gm);
  const code = [...blocks].map(([, block]) => block!).find((block) => block.includes("@Controller('health')"))!;
  const folder = join(root, 'artifacts/documented-health');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${page}.ts`), code);
  const { HealthController } = (await import(join(folder, `${page}.ts`))) as { HealthController: Type };
  const store = new MemoryStore();
  const app = await startApp([HealthController], {
    store,
    logger: { warn: () => undefined, error: () => undefined },
  });
  const check = () => fetch(`${app.url}/${path}`);
  try {
    const up = await check();
    expect([up.status, await up.json()]).toEqual([200, { sessions: expect.objectContaining({ status: 'up' }) }]);
    jest.spyOn(store, 'load').mockRejectedValue(new Error('connect ECONNREFUSED 10.0.0.5:6379'));
    const down = await check();
    expect([down.status, await down.json()]).toEqual([
      503,
      { sessions: expect.objectContaining({ status: 'down', reason: 'UNAVAILABLE' }) },
    ]);
  } finally {
    await app.close();
  }
});

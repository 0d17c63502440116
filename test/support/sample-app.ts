import type { INestApplication, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterAll, beforeAll } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a sample's app in this process while the tests of a suite do, with its sessions in a folder of its own. */
export function useSampleApp(
  load: () => Promise<{ readonly AppModule: Type }>,
  adapter: () => AbstractHttpAdapter = () => new ExpressAdapter(),
): { readonly url: string } {
  let app: INestApplication | undefined;
  let url = '';
  let folder: string;
  beforeAll(async () => {
    folder = process.env.SESSION_PATH = await mkdtemp(join(tmpdir(), 'keycard-sample-app-'));
    const { AppModule } = await load();
    app = await NestFactory.create(AppModule, adapter(), { logger: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    delete process.env.SESSION_PATH;
    await app?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get url() {
      return url;
    },
  };
}

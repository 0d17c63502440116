// Two workers of a cluster, each with an app whose sessions are in memory: prints what they warn of.
import 'reflect-metadata';
import cluster from 'node:cluster';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MemoryStore as ExpressMemoryStore } from 'express-session';

const [lib, kind] = process.argv.slice(2);

if (cluster.isPrimary && kind !== 'alone') {
  for (let n = 0; n < 2; n++) cluster.fork();
} else {
  const { MemoryStore, SessionModule } = await import(pathToFileURL(join(lib, 'index.js')).href);
  const stores = { default: undefined, given: new MemoryStore(), express: new ExpressMemoryStore() };
  const logger = { warn: (line) => console.log(line), error: (line) => console.log(line) };
  class AppModule {}
  Module({ imports: [SessionModule.forRoot({ secret: process.env.TEST_SECRET, store: stores[kind], logger })] })(
    AppModule,
  );
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  await app.close();
  if (cluster.isWorker) cluster.worker.disconnect();
}

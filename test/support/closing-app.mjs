// A whole app, made and closed: the process ends by itself where nothing was left open.
import 'reflect-metadata';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cluster, Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { createClient, createClientPool } from 'redis';

const [lib, kind, url, space] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(lib, path)).href);
const { SessionModule } = await load('index.js');
const { RedisStore } = await load('stores/redis/index.js');
const { PostgresStore } = await load('stores/postgres/index.js');
const { MongoStore } = await load('stores/mongo/index.js');

const [ownsClient, prefix, tableName, collectionName] = [true, `${space}:`, space, space];
const store = await {
  'redis url': () => new RedisStore({ url, prefix }),
  ioredis: () => new RedisStore({ client: new Redis(url), ownsClient, prefix }),
  'node-redis': () => new RedisStore({ client: createClient({ url }), ownsClient, prefix }),
  'node-redis pool': async () =>
    new RedisStore({ client: await createClientPool({ url }).connect(), ownsClient, prefix }),
  cluster: () => new RedisStore({ client: new Cluster(url.split(',')), ownsClient, prefix }),
  'ioredis, away': () => new RedisStore({ client: new Redis('redis://127.0.0.1:1'), ownsClient, prefix }),
  'postgres connectionString': () => new PostgresStore({ connectionString: url, tableName }),
  pool: () => new PostgresStore({ pool: new pg.Pool({ connectionString: url }), ownsClient, tableName }),
  'mongo url': () => new MongoStore({ url, collectionName }),
  'mongo client': () => new MongoStore({ client: new MongoClient(url), ownsClient, collectionName }),
}[kind]();

const secret = process.env.TEST_SECRET;
class AppModule {}
Module({ imports: [SessionModule.forRoot({ secret, store })] })(AppModule);

// The second one opens what the first has closed.
for (let times = 1; times <= 2; times++) {
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  try {
    await app.listen(0, '127.0.0.1');
    console.log('listens');
  } catch (error) {
    console.log(error.message);
  }
  await app.close();
}
console.log('closed');

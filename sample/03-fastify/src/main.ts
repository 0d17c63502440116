import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { users } from './users/users.data.js';

// The loopback alone, as everybody knows the passwords of the demo users.
const { PORT = '3000', HOST = '127.0.0.1' } = process.env;

// The adapter is all that is different from an app on Express.
const app = await NestFactory.create<NestFastifyApplication>(
  AppModule,
  new FastifyAdapter({ forceCloseConnections: true }),
  { logger: ['error', 'warn'] },
);
app.enableShutdownHooks();
await app.listen(Number(PORT), HOST);

const { port } = app.getHttpServer().address() as { port: number };
const people = users.map(({ name, demoPassword }) => `  ${name.padEnd(9)} password: ${demoPassword}`);
console.log([`Listening: http://localhost:${port}`, 'Users:', ...people].join('\n'));

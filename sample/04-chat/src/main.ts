import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { NextFunction, Request, Response } from 'express';
import { join } from 'node:path';
import { withSessions } from 'nestjs-keycard/websockets';
import { AppModule } from './app.module.js';
import { users } from './users/users.data.js';

// The loopback alone, as everybody knows the passwords of the demo users.
const { PORT = '3000', HOST = '127.0.0.1' } = process.env;

const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ['error', 'warn'],
  forceCloseConnections: true,
});
app.disable('x-powered-by');
app.use((_: Request, response: Response, next: NextFunction) => {
  response.setHeader('Content-Security-Policy', "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  next();
});
app.useStaticAssets(join(import.meta.dirname, '..', 'public'));
// The messages of a socket have the session of the page that opened it, and nobody else gets a socket.
app.useWebSocketAdapter(withSessions(app, new IoAdapter(app), { requireSession: true }));
app.enableShutdownHooks();
await app.listen(Number(PORT), HOST);

const { port } = app.getHttpServer().address() as { port: number };
const people = users.map(({ name, demoPassword }) => `  ${name.padEnd(9)} password: ${demoPassword}`);
console.log([`The parlour is open: http://localhost:${port}`, 'Users:', ...people].join('\n'));

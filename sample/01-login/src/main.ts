import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { join } from 'node:path';
import { AppModule } from './app.module.js';
import { lab } from './lab/lab.js';
import { securityHeaders } from './pages/security-headers.js';
import { storeLabel } from './session/session-store.js';
import { users } from './users/users.data.js';

// The loopback alone, as everybody knows the passwords of the demo guests.
const { PORT = '3000', HOST = '127.0.0.1' } = process.env;

// Before Nest begins, so that a wrong SESSION_STORE is one sentence.
const store = storeLabel();

const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ['error', 'warn'],
  forceCloseConnections: true,
});
app.disable('x-powered-by');
app.use(securityHeaders);
app.useStaticAssets(join(import.meta.dirname, '..', 'public'), { prefix: '/assets/' });
app.use('/lab/api', lab());
app.enableShutdownHooks();
await app.listen(Number(PORT), HOST);

const { port } = app.getHttpServer().address() as { port: number };
const guests = users.map(({ name, demoPassword }) => `  ${name.padEnd(6)} password: ${demoPassword}`);
console.log([`Keycard Inn is open: http://localhost:${port}`, `Sessions: ${store}`, 'Guests:', ...guests].join('\n'));

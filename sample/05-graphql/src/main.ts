import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { users } from './users/users.data.js';

// The loopback alone, as everybody knows the passwords of the demo users.
const { PORT = '3000', HOST = '127.0.0.1' } = process.env;

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'], forceCloseConnections: true });
app.enableShutdownHooks();
await app.listen(Number(PORT), HOST);

const { port } = app.getHttpServer().address() as { port: number };
const people = users.map(({ name, demoPassword }) => `  ${name.padEnd(9)} password: ${demoPassword}`);
console.log([`Listening: http://localhost:${port}`, 'Users:', ...people].join('\n'));

import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { passportMiddlewares } from './auth/passport-session.module.js';
import { users } from './users/users.data.js';

// The loopback alone, as everybody knows the passwords of the demo users.
const { PORT = '3000', HOST = '127.0.0.1', PASSPORT_IN } = process.env;
const passportIn = PASSPORT_IN === 'main' ? 'main' : 'module';

const app = await NestFactory.create(AppModule.register(passportIn), {
  logger: ['error', 'warn'],
  forceCloseConnections: true,
});
// The other way. The session is on the HTTP adapter since SessionModule was made, so it comes before all that is used here.
if (passportIn === 'main') app.use(...passportMiddlewares());
app.enableShutdownHooks();
await app.listen(Number(PORT), HOST);

const { port } = app.getHttpServer().address() as { port: number };
const people = users.map(({ name, demoPassword }) => `  ${name.padEnd(9)} password: ${demoPassword}`);
console.log(
  [`Listening: http://localhost:${port} (passport is mounted in ${passportIn})`, 'Users:', ...people].join('\n'),
);

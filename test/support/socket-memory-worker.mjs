// An app with a gateway over ws, in a process of its own: node socket-memory-worker.mjs <lib> with|without. Says `port <n>`, and `<word> <bytes of heap>` to each word that it is told.
import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const [lib, sessions] = process.argv.slice(2);
const from = (file) => import(pathToFileURL(join(lib, file)).href);
const { resolve } = createRequire(join(lib, 'index.js'));
const dependency = (id) => import(pathToFileURL(resolve(id)).href);
const { Controller, Module, Post } = await dependency('@nestjs/common');
const { NestFactory } = await dependency('@nestjs/core');
const { WebSocketGateway } = await dependency('@nestjs/websockets');
const { WsAdapter } = await dependency('@nestjs/platform-ws');
const { MemoryStore, Session, SessionModule } = await from('index.js');
const { withSessions } = await from('nest/websockets/index.js');

class IdleGateway {}
WebSocketGateway()(IdleGateway);

let users = 0;
class LoginController {
  async login(session) {
    await session.login(String((users += 1)));
    return {};
  }
}
Controller()(LoginController);
Post('login')(LoginController.prototype, 'login', Object.getOwnPropertyDescriptor(LoginController.prototype, 'login'));
Session()(LoginController.prototype, 'login', 0);

class AppModule {}
Module({
  imports: [SessionModule.forRoot({ secret: 'a secret of at least thirty-two bytes', store: new MemoryStore() })],
  controllers: [LoginController],
  providers: [IdleGateway],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
const adapter = new WsAdapter(app);
app.useWebSocketAdapter(sessions === 'with' ? withSessions(app, adapter) : adapter);
await app.listen(0, '127.0.0.1');

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
writeSync(1, `port ${app.getHttpServer().address().port}\n`);
for await (const word of createInterface({ input: process.stdin })) {
  for (let n = 0; n < 5; n += 1) {
    gc();
    await turn();
  }
  writeSync(1, `${word} ${process.memoryUsage().heapUsed}\n`);
}

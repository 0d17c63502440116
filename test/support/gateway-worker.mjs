// An app with a gateway, over ws, in a process of its own: node gateway-worker.mjs <lib> <store> <url> <space>. Says `port <n>`, and ends when told to.
import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { namedStore } from './named-store.mjs';

const [lib, name, url, space] = process.argv.slice(2);
const from = (file) => import(pathToFileURL(join(lib, file)).href);
// As the compiled lib finds them, so that there is one of each.
const { resolve } = createRequire(join(lib, 'index.js'));
const dependency = (id) => import(pathToFileURL(resolve(id)).href);
const { Controller, Module, Post } = await dependency('@nestjs/common');
const { NestFactory } = await dependency('@nestjs/core');
const { SubscribeMessage, WebSocketGateway } = await dependency('@nestjs/websockets');
const { WsAdapter } = await dependency('@nestjs/platform-ws');
const { Session, SessionModule } = await from('index.js');
const { withSessions } = await from('nest/websockets/index.js');

const store = await namedStore(lib, name, url, space);
const increment = async (session) => {
  await session.update((draft) => void (draft.count = (draft.count ?? 0) + 1));
  return { re: 'count', count: session.count };
};

/** Decorates a method whose first parameter is the session, as TypeScript would. */
function decorate(target, method, decorator) {
  decorator(target.prototype, method, Object.getOwnPropertyDescriptor(target.prototype, method));
  Session()(target.prototype, method, 0);
}

class CountGateway {
  count(session) {
    return increment(session);
  }
}
WebSocketGateway()(CountGateway);
decorate(CountGateway, 'count', SubscribeMessage('count'));

class CountController {
  async login(session) {
    await session.login('7', { count: 0 });
    return {};
  }
  count(session) {
    return increment(session);
  }
  async logout(session) {
    await session.logout();
    return {};
  }
}
Controller()(CountController);
decorate(CountController, 'login', Post('login'));
decorate(CountController, 'count', Post('count'));
decorate(CountController, 'logout', Post('logout'));

class AppModule {}
Module({
  imports: [SessionModule.forRoot({ secret: 'a secret of at least thirty-two bytes', store })],
  controllers: [CountController],
  providers: [CountGateway],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(withSessions(app, new WsAdapter(app)));
await app.listen(0, '127.0.0.1');
writeSync(1, `port ${app.getHttpServer().address().port}\n`);
await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
process.exit(0);

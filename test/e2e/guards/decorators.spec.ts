import {
  Body,
  Controller,
  DefaultValuePipe,
  Get,
  Injectable,
  ParseIntPipe,
  type PipeTransform,
  Post,
  ValidationPipe,
} from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import { IsString } from 'class-validator';
import { MemoryStore, Session, SessionGuard, SessionId, SessionRegistry, SessionStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import type { AnySession } from '../../support/scripted.js';

class UserDto {
  @IsString()
  name!: string;
}

@Injectable()
class ShoutPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    return `${value}!`;
  }
}

@Controller()
class DecoratedController {
  @Post('user')
  user(@Session() session: Session, @Body() body: UserDto) {
    const kept = session as unknown as AnySession;
    kept.user = { name: body.name };
    kept.views = '7';
    return { isSession: typeof session.save, dto: body instanceof UserDto };
  }
  @Get('key')
  key(@Session('user' as never) user: unknown) {
    return { user };
  }
  @Get('missing')
  missing(@Session('nothing' as never, new DefaultValuePipe(5)) value: unknown) {
    return { value };
  }
  @Get('piped')
  piped(@Session('views' as never, ParseIntPipe) views: unknown) {
    return { views };
  }
  @Get('pipes')
  pipes(@Session('views' as never, ShoutPipe, new ShoutPipe()) views: unknown) {
    return { views };
  }
  @Get('refused')
  refused(@Session('user' as never, ParseIntPipe) user: unknown) {
    return { user };
  }
  @Get('dto')
  dto(@Session('user' as never) user: UserDto) {
    return { dto: user instanceof UserDto };
  }
  @Get('id')
  id(@SessionId() id: string, @Session() session: Session) {
    return { same: id === session.id, length: id.length };
  }
  @Post('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
  }
  @Get('both')
  both(@Session() one: Session, @Session() other: Session) {
    return { same: one === other };
  }
}

const EVERYTHING = new ValidationPipe({
  whitelist: true,
  forbidNonWhitelisted: true,
  transform: true,
  validateCustomDecorators: true,
  forbidUnknownValues: true,
  forbidNonWhitelistedValues: true,
} as never);

describe.each([
  ['without pipes', false],
  ['under a global ValidationPipe with every option on', true],
])('decorators %s', (_, isGlobal) => {
  let server: TestApp;
  let jar: Jar;
  afterEach(() => server.close());
  const start = async (): Promise<void> => {
    server = await startApp(
      [DecoratedController],
      {},
      isGlobal ? { before: (app) => app.useGlobalPipes(EVERYTHING) } : {},
    );
    jar = new Jar();
    const answer = await jar.fetch(`${server.url}/user`, post({ name: 'Ann' }));
    expect([answer.status, await answer.json()]).toEqual([201, { isSession: 'function', dto: isGlobal }]);
  };
  const get = async (path: string): Promise<[number, unknown]> => {
    const answer = await jar.fetch(`${server.url}/${path}`);
    return [answer.status, await answer.json()];
  };

  it('@Session() gives the whole session, which no pipe touches', async () => {
    await start();
    expect(await get('both')).toEqual([200, { same: true }]);
    expect(await get('key')).toEqual([200, { user: { name: 'Ann' } }]);
    if (isGlobal) {
      // What the pipe is for, it still does.
      expect((await jar.fetch(`${server.url}/user`, post({ name: 7 }))).status).toBe(400);
      expect((await jar.fetch(`${server.url}/user`, post({ name: 'Ann', admin: true }))).status).toBe(400);
    }
  });

  it('@Session(key, ...pipes) gives one key, through pipes by class or object, in their order', async () => {
    await start();
    expect(await get('missing')).toEqual([200, { value: 5 }]);
    expect(await get('piped')).toEqual([200, { views: 7 }]);
    expect(await get('pipes')).toEqual([200, { views: '7!!' }]);
    expect((await get('refused'))[0]).toBe(400);
  });

  it('@SessionId() gives the id', async () => {
    await start();
    expect(await get('id')).toEqual([200, { same: true, length: 32 }]);
  });
});

describe('decorators', () => {
  it("Session is written down as Object, so that no compiler's metadata makes a pipe take it for a class", () => {
    expect(Reflect.getMetadata('design:paramtypes', DecoratedController.prototype, 'both')).toEqual([Object, Object]);
    expect(Reflect.getMetadata('design:paramtypes', DecoratedController.prototype, 'user')).toEqual([Object, UserDto]);
  });

  it('SessionStore, SessionRegistry and SessionGuard can be injected anywhere', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Service {
      constructor(store: SessionStore, registry: SessionRegistry) {
        seen.push(store, registry);
      }
    }
    const store = new MemoryStore();
    const server = await startApp([], { store }, { providers: [Service, SessionGuard] });
    expect(seen).toEqual([store, server.app.get(SessionRegistry)]);
    await server.close();
  });
});

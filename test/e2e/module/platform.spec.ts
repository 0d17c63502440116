import { Controller, Get, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore, Session, SessionModule, SkipSession } from 'nestjs-keycard';
import { ServerResponse } from 'node:http';
import { missingIn } from '../../../lib/nest/platform.js';
import { SECRET, startApp } from '../../support/app.js';

describe('#12.5 what the platform can do is known before the first request', () => {
  const start = async (adapter: ExpressAdapter): Promise<void> => {
    @Module({ imports: [SessionModule.forRoot({ secret: SECRET, store: new MemoryStore() })] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false });
    try {
      await app.init();
    } finally {
      await app.close();
    }
  };

  it('an adapter that takes no middleware is refused in one sentence, instead of an app without sessions', async () => {
    class RouterAdapter extends ExpressAdapter {
      override getType(): string {
        return 'router';
      }
      override registerParserMiddleware(): void {}
    }
    Object.defineProperty(RouterAdapter.prototype, 'use', { value: undefined });
    await expect(start(new RouterAdapter())).rejects.toThrow(
      `Sessions don't work on the HTTP adapter RouterAdapter (type "router"), as it has no use() for a middleware or no instance. Use the adapter of @nestjs/platform-express or @nestjs/platform-fastify.`,
    );
    await start(new ExpressAdapter());
  });

  it('a response is asked for each function that the gate calls', () => {
    expect(missingIn(ServerResponse.prototype)).toEqual([]);
    expect(missingIn({ ...ServerResponse.prototype, write: undefined, removeHeader: 1 })).toEqual(
      expect.arrayContaining(['write()', 'removeHeader()']),
    );
  });
});

describe('#12.5 an error about a session that is not there names the route and what to do', () => {
  @Controller()
  class OutController {
    @Get('out')
    out(@Session() session: Session) {
      return session;
    }
    @Get('marked')
    @SkipSession()
    marked(@Session() session: Session) {
      return session;
    }
  }

  it.each([
    ['out', '"forRoutes" or "exclude" of SessionModule excludes the route of OutController.out().'],
    ['marked', 'OutController.marked() or its class has @SkipSession().'],
  ])('%s', async (path, words) => {
    const errors: string[] = [];
    const catcher = {
      catch: (error: Error, host: { switchToHttp(): { getResponse(): ServerResponse } }) => {
        errors.push(error.message);
        host.switchToHttp().getResponse().end('caught');
      },
    };
    const server = await startApp(
      [OutController as Type],
      { store: new MemoryStore(), exclude: ['out'] },
      { before: (app) => app.useGlobalFilters(catcher as never) },
    );
    try {
      await (await fetch(`${server.url}/${path}`)).text();
      expect(errors).toEqual([expect.stringContaining(words)]);
    } finally {
      await server.close();
    }
  });
});

import { Controller, Get, Module } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { NextFunction, Request, Response as ExpressResponse } from 'express';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore, SessionModule } from 'nestjs-keycard';
import { AuthModule } from '../../../sample/02-passport/src/auth/auth.module.js';
import { passportMiddlewares } from '../../../sample/02-passport/src/auth/passport-session.module.js';
import { Jar, post } from '../../support/app.js';
import { BarrierStore } from '../../support/barrier-store.js';
import { runDocs } from '../../support/docs-code.js';
import { WhoController } from '../../support/who-controller.js';

const SECRET = 'a secret of the tests of passport, long enough';
const virginia = { username: 'virginia', password: 'lighthouse keeper' };

@Controller()
class HealthController {
  @Get('health')
  health() {
    return 'up';
  }
}

type Middleware = (req: Request, res: ExpressResponse, next: NextFunction) => void;

/** A route without a session needs no passport either. */
const { withSession: whereThereIsOne } = await runDocs<{ withSession: (middleware: Middleware) => Middleware }>(
  'passport.md',
  'withSession',
);

describe.each(['eager', 'lazy'] as const)('passport in main.ts with exclude, load: %s (#12.3)', (load) => {
  async function start(wrap = whereThereIsOne) {
    const store = new BarrierStore(new MemoryStore());
    @Module({
      imports: [AuthModule, SessionModule.forRoot({ secret: SECRET, store, load, exclude: ['health'] })],
      controllers: [WhoController, HealthController],
    })
    class AppModule {}
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const app = testing.createNestApplication<NestExpressApplication>({ logger: false });
    app.use(...passportMiddlewares().map((each) => wrap(each)));
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as { port: number };
    return { app, store, url: `http://127.0.0.1:${port}` };
  }

  it('logs in, and knows the user in the next request', async () => {
    const { app, url } = await start();
    try {
      const jar = new Jar();
      expect((await jar.fetch(`${url}/login`, post(virginia))).status).toBe(201);
      expect(await (await jar.fetch(`${url}/who`)).json()).toEqual({ user: 'virginia' });
      expect(await (await fetch(`${url}/who`)).json()).toEqual({ user: null });
    } finally {
      await app.close();
    }
  });

  it('answers a route that is left out, with and without a cookie', async () => {
    const { app, url, store } = await start();
    try {
      const jar = new Jar();
      await jar.fetch(`${url}/login`, post(virginia));
      const before = jar.header;
      const { calls } = store;
      for (const answer of [await jar.fetch(`${url}/health`), await fetch(`${url}/health`)])
        expect([answer.status, await answer.text(), answer.headers.get('set-cookie')]).toEqual([200, 'up', null]);
      expect([jar.header, store.calls]).toEqual([before, calls]);
    } finally {
      await app.close();
    }
  });

  if (load === 'eager')
    it('needs no more than app.use() on the routes that have a session', async () => {
      const { app, url } = await start((middleware) => middleware);
      try {
        const jar = new Jar();
        await jar.fetch(`${url}/login`, post(virginia));
        expect(await (await jar.fetch(`${url}/who`)).json()).toEqual({ user: 'virginia' });
      } finally {
        await app.close();
      }
    });
});

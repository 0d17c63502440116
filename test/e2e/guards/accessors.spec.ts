import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  type NestInterceptor,
  ParseIntPipe,
  Post,
  Req,
  Session as NestSession,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { getSession, KeycardSession, OpenSession, Principal, Session, type SessionModuleOptions } from 'nestjs-keycard';
import { onBothAdapters } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

type Data = { user: string; seen: string[] };

const scripts = scripted({
  login: (session, req) => session.login((req.query.id as string) ?? '7', { user: 'Ann' }),
  user: (session) => void (session.user = 'nobody with an id'),
  seen: (session) => session.seen as unknown,
  logout: async (session, req) => {
    await session.logout();
    return getSession(req).catch((error: { code: string; message: string }) => `${error.code}: ${error.message}`);
  },
});

async function note(where: ArgumentsHost | Request, what: string): Promise<void> {
  const session = await getSession<Data>(where);
  session.seen = [...(session.seen ?? []), what];
}

class OwnGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await note(context, 'guard');
    return (await getSession<Data>(context)).user === 'Ann';
  }
}

class OwnInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    await note(context, 'interceptor');
    return next.handle();
  }
}

@Catch(BadRequestException)
class OwnFilter implements ExceptionFilter {
  async catch(_: unknown, host: ArgumentsHost): Promise<void> {
    await note(host, 'filter');
    host.switchToHttp().getResponse<Response>().status(400).send('filtered');
  }
}

const User = createParamDecorator(async (_: unknown, context) => (await getSession<Data>(context)).user);

/** As passport's strategies: reads the session of the request, and knows no Nest. */
class ReadsRequest implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return typeof context.switchToHttp().getRequest<{ session: object }>().session === 'object';
  }
}

@Controller('own')
class OwnController {
  @Get('guarded')
  @UseGuards(OwnGuard)
  @UseInterceptors(OwnInterceptor)
  guarded(@User() user: string) {
    return { user };
  }
  @Get('failing')
  @UseFilters(OwnFilter)
  failing() {
    throw new BadRequestException();
  }
  @Get('passport')
  @UseGuards(OpenSession, ReadsRequest)
  passport() {
    return 'in';
  }
  @Get('unopened')
  @UseGuards(ReadsRequest)
  unopened() {
    return 'in';
  }
  @Get('alias')
  alias(@KeycardSession() session: KeycardSession) {
    return typeof session.login;
  }
  @Get('principal')
  principal(@Principal() id: string) {
    return JSON.stringify(id);
  }
  @Get('piped')
  piped(@Principal(ParseIntPipe) id: number) {
    return JSON.stringify(id);
  }
  @Get('none')
  none(@Req() req: Request) {
    return getSession(req).catch((error: Error) => `${(error as { code?: string }).code}: ${error.message}`);
  }
}

@Controller('mistaken')
class MistakenController {
  @Post()
  add(@NestSession() session: object) {
    return typeof session;
  }
  @Get()
  fine(@Session() session: object) {
    return typeof session;
  }
}

onBothAdapters(() => {
  describe.each(['eager', 'lazy'] as const)(
    'an own guard, interceptor, filter and decorator, load: %s (#16.1)',
    (load) => {
      let app: TestApp;
      let jar: Jar;
      const start = async (options: Partial<SessionModuleOptions> = {}, extra: Parameters<typeof startApp>[2] = {}) => {
        app = await startApp([scripts, OwnController], { load, ...options }, extra);
        jar = new Jar();
      };
      const get = (path: string) => jar.fetch(`${app.url}/${path}`);
      const text = async (path: string) => (await get(path)).text();
      afterEach(() => app.close());

      it('get the session by getSession(context), and what they change is saved', async () => {
        await start();
        expect((await get('own/guarded')).status).toBe(403);
        await get('s/login');
        expect(await (await get('own/guarded')).json()).toEqual({ user: 'Ann' });
        expect((await get('own/failing')).status).toBe(400);
        expect(await (await get('s/seen')).json()).toEqual(['guard', 'guard', 'interceptor', 'filter']);
      });

      it('so does a middleware, by getSession(request)', async () => {
        await start(
          {},
          {
            before: (nest) =>
              nest.use((req: Request, _res: unknown, next: (error?: unknown) => void) => {
                note(req, 'middleware').then(() => next(), next);
              }),
          },
        );
        expect(await (await get('s/seen')).json()).toEqual(['middleware']);
      });

      it('OpenSession opens it for a guard that reads req.session by itself, such as passport’s', async () => {
        await start();
        expect(await text('own/passport')).toBe('in');
        expect((await get('own/unopened')).status).toBe(load === 'lazy' ? 500 : 200);
      });

      it('@Principal() is who is logged in, through pipes; nobody gets 401', async () => {
        await start();
        const refused = await get('own/principal');
        expect([refused.status, await refused.json()]).toEqual([
          401,
          { statusCode: 401, error: 'Unauthorized', message: 'Please log in.', reason: 'login-required' },
        ]);
        await get('s/login');
        expect([await text('own/principal'), await text('own/piped')]).toEqual(['"7"', '7']);
      });

      it('@Principal() says what is missing if somebody without an id is logged in', async () => {
        const said: unknown[] = [];
        await start(
          {},
          {
            before: (nest) =>
              nest.useLogger({ error: (...all: unknown[]) => said.push(...all), log: () => 0, warn: () => 0 }),
          },
        );
        await get('s/user');
        expect((await get('own/principal')).status).toBe(500);
        expect(said.join()).toMatch(
          /has no principal\. Log in with session\.login\(id\), or return the id from the option "principalOf"/,
        );
      });

      it('is Session by another name: KeycardSession', async () => {
        await start();
        expect(await text('own/alias')).toBe('function');
      });

      it('says in a sentence why there is none', async () => {
        await start({ exclude: ['own/none'] });
        expect(await text('own/none')).toMatch(/^NO_MIDDLEWARE: There is no session here. Import SessionModule/);
        await get('s/login');
        expect(await text('s/logout')).toMatch(/^ENDED: This request has ended its session/);
        await expect(getSession(undefined as never)).rejects.toThrow(
          /getSession\(\) got nothing; it takes an ExecutionContext/,
        );
        await expect(getSession({})).rejects.toThrow(/got an object \(Object\)/);
      });

      it('answers 503 if the store failed', async () => {
        const { MemoryStore } = await import('nestjs-keycard');
        const store = new MemoryStore();
        await start({ store });
        await get('s/login');
        store.load = () => Promise.reject(new Error('down'));
        for (const path of ['own/guarded', 'own/passport', 'own/principal'])
          expect([path, (await get(path)).status]).toEqual([path, 503]);
      });
    },
  );
});

describe('@Session() of @nestjs/common (#16.1)', () => {
  it.each([
    ['is named in a warning at start', [MistakenController], 1],
    ['ours is not', [OwnController], 0],
  ])('%s', async (_, controllers, times) => {
    const warned: string[] = [];
    const logger = { warn: (message: string) => void warned.push(message), error: () => undefined };
    const app = await startApp(controllers, { logger });
    await app.close();
    const lines = warned.filter((line) => line.includes('@nestjs/common'));
    expect(lines).toHaveLength(times);
    if (times > 0)
      expect(lines[0]).toMatch(
        /^MistakenController\.add\(\): @Session\(\) is imported from '@nestjs\/common'.*KeycardSession/,
      );
  });
});

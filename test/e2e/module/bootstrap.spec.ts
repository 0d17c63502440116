import { randomBytes } from 'node:crypto';
import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  FileStore,
  MemoryStore,
  SessionModule,
  type SessionModuleOptions,
  SessionOptionsError,
  type SessionOptionsFactory,
  SessionRegistry,
  SessionStore,
} from 'nestjs-keycard';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { fromExpressStore } from 'nestjs-keycard/express';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { Jar, SECRET } from '../../support/app.js';
import { CountController } from '../../support/count-controller.js';

const warnings: string[] = [];
const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };

function appModule(imports: NonNullable<ModuleMetadata['imports']>) {
  @Module({ imports, controllers: [CountController] })
  class AppModule {}
  return AppModule;
}

const create = (imports: NonNullable<ModuleMetadata['imports']>) =>
  NestFactory.create(appModule(imports), { logger: false, abortOnError: false });

/** Starts, visits twice, and closes. */
async function views(imports: NonNullable<ModuleMetadata['imports']>): Promise<string[]> {
  const app = await create(imports);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const jar = new Jar();
  const seen = [];
  for (let n = 0; n < 2; n += 1) seen.push(await (await jar.fetch(`http://127.0.0.1:${port}/`)).text());
  await app.close();
  return seen;
}

@Injectable()
class Options implements SessionOptionsFactory {
  createSessionOptions(): SessionModuleOptions {
    return { secret: SECRET, logger };
  }
}

@Injectable()
class WrongOptions implements SessionOptionsFactory {
  createSessionOptions(): Promise<SessionModuleOptions> {
    return Promise.resolve({ secret: [] });
  }
}

@Module({ providers: [Options, WrongOptions], exports: [Options, WrongOptions] })
class OptionsModule {}

beforeEach(() => void (warnings.length = 0));

describe('SessionModule', () => {
  it('starts by forRoot', async () => {
    expect(await views([SessionModule.forRoot({ secret: SECRET })])).toEqual(['1', '2']);
  });

  it('starts by forRootAsync with useFactory, and what it injects', async () => {
    const config = ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ SESSION_SECRET: SECRET })] });
    const sessions = SessionModule.forRootAsync({
      imports: [config],
      inject: [ConfigService],
      useFactory: async (values: ConfigService) =>
        Promise.resolve({ secret: values.getOrThrow<string>('SESSION_SECRET') }),
    });
    expect(await views([sessions])).toEqual(['1', '2']);
  });

  it('starts by forRootAsync with useClass', async () => {
    expect(await views([SessionModule.forRootAsync({ useClass: Options })])).toEqual(['1', '2']);
  });

  it('starts by forRootAsync with useExisting', async () => {
    expect(await views([SessionModule.forRootAsync({ imports: [OptionsModule], useExisting: Options })])).toEqual([
      '1',
      '2',
    ]);
  });

  it.each([
    ['forRoot', () => SessionModule.forRoot({ secret: [] })],
    ['useFactory', () => SessionModule.forRootAsync({ useFactory: () => ({ secret: [] }) })],
    ['useClass', () => SessionModule.forRootAsync({ useClass: WrongOptions })],
    ['useExisting', () => SessionModule.forRootAsync({ imports: [OptionsModule], useExisting: WrongOptions })],
  ])('fails at bootstrap, with one sentence, on wrong options by %s', async (_, sessions) => {
    const starting = create([sessions()]);
    await expect(starting).rejects.toBeInstanceOf(SessionOptionsError);
    await expect(starting).rejects.toThrow(
      /^"secret" got an empty array; it takes at least one secret, the first of which signs\.$/,
    );
  });

  it.each([
    ['no options', undefined, /options got nothing; it takes an object/],
    ['no options by a factory', { useFactory: () => undefined }, /options got nothing; it takes an object/],
    ['no factory (#16.3)', {}, /^SessionModule\.forRootAsync\(\) got no "useFactory", "useClass" or "useExisting"/],
    [
      'a factory under another name (#16.3)',
      { factory: () => ({ secret: SECRET }) },
      /^SessionModule\.forRootAsync\(\)/,
    ],
    ['no options for forRootAsync (#16.3)', null, /^SessionModule\.forRootAsync\(\) got null/],
    ['an unknown option', { secret: SECRET, sceret: 1 }, /"sceret" is no session option/],
    [
      'a store that is none',
      { secret: SECRET, store: { get: () => undefined } },
      /"store" got an object \(Object\); it takes a SessionStore/,
    ],
    ['a class for a store', { secret: SECRET, store: MemoryStore }, /"store" got a function/],
    ["a path that can't be read", { secret: SECRET, exclude: ['a/:'] }, /"exclude" got the path "a\/:"/],
    ['a route that is none', { secret: SECRET, forRoutes: [7] }, /"forRoutes" got 7/],
    [
      'a path for a list (#16.3)',
      { secret: SECRET, exclude: '/health' },
      /^"exclude" got "\/health"; it takes an array, such as \['health'\]\.$/,
    ],
    ['a controller for a list (#16.3)', { secret: SECRET, forRoutes: CountController }, /^"forRoutes" got a function/],
    ['a cookie path without a slash (#16.3)', { secret: SECRET, cookie: { path: 'app' } }, /"cookie.path" got "app"/],
  ])('fails at bootstrap on %s', async (_, options, says) => {
    const isAsync = options !== undefined && !('secret' in (options ?? {}));
    const sessions = () =>
      isAsync ? SessionModule.forRootAsync(options as never) : SessionModule.forRoot(options as never);
    await expect((async () => create([sessions()]))()).rejects.toThrow(says);
  });

  it('is imported with options: SessionModule alone is an error that says so, in the root module and in another (#13.23)', async () => {
    @Module({ imports: [SessionModule] })
    class Feature {}
    for (const imports of [[SessionModule], [SessionModule.forRoot({ secret: SECRET }), Feature], [Feature]]) {
      const starting = create(imports);
      await expect(starting).rejects.toBeInstanceOf(SessionOptionsError);
      await expect(starting).rejects.toThrow(
        /^SessionModule was imported without options: write SessionModule\.forRoot\(\{ secret \}\) or forRootAsync\(\)/,
      );
    }
  });

  it('is imported once: a second forRoot is an error that says so', async () => {
    @Module({ imports: [SessionModule.forRoot({ secret: SECRET, name: 'other' })] })
    class Feature {}
    await expect(create([SessionModule.forRoot({ secret: SECRET }), Feature])).rejects.toThrow(
      /forRoot\(\) was called twice in one app/,
    );
    const async = SessionModule.forRootAsync({ useClass: Options });
    await expect(create([SessionModule.forRoot({ secret: SECRET, name: 'other' }), async])).rejects.toThrow(
      /called twice/,
    );
  });

  it('serves two apps in one process, each with its own sessions', async () => {
    expect(
      await Promise.all([
        views([SessionModule.forRoot({ secret: SECRET })]),
        views([SessionModule.forRoot({ secret: SECRET, name: 'b' })]),
      ]),
    ).toEqual([
      ['1', '2'],
      ['1', '2'],
    ]);
  });

  it('provides store and registry without HTTP, and takes nothing else', async () => {
    const context = await NestFactory.createApplicationContext(
      appModule([SessionModule.forRoot({ secret: SECRET, store: new MemoryStore() })]),
      { logger: false, abortOnError: false },
    );
    expect(context.get(SessionStore)).toBeInstanceOf(MemoryStore);
    expect(await context.get(SessionRegistry).count()).toBe(0);
    await context.close();
  });

  it('opens the store before the first request, and closes it when the app closes', async () => {
    const said: string[] = [];
    class Watched extends MemoryStore {
      override open(): Promise<void> {
        said.push('open');
        return Promise.resolve();
      }
      override close(): Promise<void> {
        said.push('close');
        return super.close();
      }
    }
    const app = await create([SessionModule.forRoot({ secret: SECRET, store: new Watched() })]);
    await app.init();
    expect(said).toEqual(['open']);
    await app.close();
    expect(said).toEqual(['open', 'close']);
  });

  it("fails to start on a store that can't be opened", async () => {
    class Broken extends MemoryStore {
      override open(): Promise<void> {
        return Promise.reject(new Error('no such host'));
      }
    }
    const app = await create([SessionModule.forRoot({ secret: SECRET, store: new Broken() })]);
    await expect(app.init()).rejects.toThrow('no such host');
    await app.close();
  });
});

/** One that no documentation shows. */
const OWN_SECRET = randomBytes(32).toString('base64');

describe('SessionModule in production', () => {
  const { NODE_ENV } = process.env;
  beforeEach(() => void (process.env.NODE_ENV = 'production'));
  afterEach(() => void (process.env.NODE_ENV = NODE_ENV));

  it('is an error without a store', async () => {
    await expect(create([SessionModule.forRoot({ secret: OWN_SECRET, logger })])).rejects.toThrow(
      /^"store" got nothing, which is an error in production/,
    );
  });

  it('takes a MemoryStore that was asked for, with one warning', async () => {
    expect(await views([SessionModule.forRoot({ secret: OWN_SECRET, store: new MemoryStore(), logger })])).toEqual([
      '1',
      '2',
    ]);
    expect(warnings).toEqual([expect.stringContaining('MemoryStore')]);
  });

  it('says nothing about another store', async () => {
    const path = await mkdtemp(join(tmpdir(), 'keycard-bootstrap-'));
    expect(
      await views([SessionModule.forRoot({ secret: OWN_SECRET, store: new FileStore({ path }), logger })]),
    ).toEqual(['1', '2']);
    expect(warnings).toEqual([]);
    await rm(path, { recursive: true });
  });

  it('is an error with a secret under 32 bytes, unless that is allowed', async () => {
    const options = { secret: 'keyboard cat', store: new MemoryStore(), logger };
    await expect(create([SessionModule.forRoot(options)])).rejects.toThrow(
      /"secret" got one of 12 bytes; it takes at least 32/,
    );
    expect(await views([SessionModule.forRoot({ ...options, allowShortSecret: true })])).toEqual(['1', '2']);
  });
});

describe('a store of express-session', () => {
  it.each([
    ['as it is', (store: ExpressMemoryStore) => store],
    ['adapted by the app', (store: ExpressMemoryStore) => fromExpressStore(store)],
  ])('says once at start what it can not do: %s', async (_, given) => {
    warnings.length = 0;
    const app = await create([
      SessionModule.forRoot({ secret: SECRET, store: given(new ExpressMemoryStore()) as never, logger }),
    ]);
    await app.init();
    await app.close();
    expect(warnings.filter((line) => line.includes("can't compare and swap"))).toHaveLength(1);
  });

  it.each([
    ['JSON that was cut short', '{"cookie":{},"views":'],
    ['data nested 10,000 deep', `{"cookie":{},"views":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('makes the holder of a record that can not be read a stranger, and it is told: %s', async (_, text) => {
    warnings.length = 0;
    const store = new ExpressMemoryStore();
    (store as unknown as { sessions: Record<string, string> }).sessions['odd'] = text;
    const app = await create([SessionModule.forRoot({ secret: SECRET, store: store as never, logger })]);
    await app.listen(0, '127.0.0.1');
    const jar = new Jar();
    jar.cookies.set('sid', encodeURIComponent(new CookieSigner([SECRET]).sign('odd')));
    const visit = async () => (await jar.fetch(await app.getUrl())).text();
    expect([await visit(), await visit()]).toEqual(['1', '2']);
    expect((store as unknown as { sessions: Record<string, string> }).sessions['odd']).toBe(text);
    expect(warnings.filter((line) => line.includes("can't be read"))).toHaveLength(1);
    await app.close();
  });
});

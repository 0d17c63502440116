import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  RequestMethod,
} from '@nestjs/common';
import type { Server } from 'node:net';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { show } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import { hasMethods } from '../common/has-methods.js';
import { CurrentSession, trackRequests } from './current/current-session.js';
import { FlashMessages } from './current/flash-messages.js';
import { isInjected } from './current/is-injected.js';
import { handlersWithNestSession } from './foreign-session.js';
import { checkPlatform, prepareServer } from './platform.js';
import { assertOptions } from '../options/resolve-options.js';
import { SessionManager } from '../session-manager.js';
import { watchOf } from '../signal/session-watch.js';
import { isFastify, mountOnFastify } from '../transports/fastify/mount.js';
import { coverMiddleware, sessionMiddleware } from './session.middleware.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
  type RouteInfo,
  type SessionModuleOptions,
} from './session.module-definition.js';
import { SessionErrorFilter } from './session-error.filter.js';
import { sessionProviders } from './session.providers.js';
import { SessionRegistry } from './session.registry.js';
import { RouteMatcher } from './session.routes.js';
import { SessionHealthIndicator } from './session.health.js';
import { openStore, StoreUse } from './session.start.js';
import { servedManagers } from './websockets/served-managers.js';
import { SessionStore } from '../stores/session-store.js';

/** What the module needs of an HTTP adapter. */
interface Adapter {
  use(middleware: unknown): unknown;
  getInstance(): unknown;
}

const mountedIn = new WeakSet<object>();

/**
 * Sessions for an app. Import `SessionModule.forRoot()` or `forRootAsync()` once, in the root module. The module is
 * global: `SessionStore` and `SessionRegistry` can be injected everywhere.
 *
 * The middleware is mounted on the HTTP adapter while Nest creates the module, so it runs before everything that
 * `main.ts` passes to `app.use`.
 */
@Module({
  providers: sessionProviders,
  exports: [SessionManager, SessionStore, SessionRegistry, SessionHealthIndicator, CurrentSession, FlashMessages],
})
export class SessionModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  private readonly routes: RouteMatcher;
  private readonly use: StoreUse;
  private isMounted = false;
  private leaveServer: (() => void) | undefined;

  /**
   * Adds sessions to the app. Call it once, in the root module.
   *
   * @param options `secret` is required; see `SessionOptions` for all others and their defaults.
   * @throws SessionOptionsError if `options` is not an object. A wrong option is reported when the app starts.
   * @example
   * ```ts
   * SessionModule.forRoot({
   *   secret: process.env.SESSION_SECRET!,
   *   store: new RedisStore({ url: process.env.REDIS_URL! }),
   * })
   * ```
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    assertOptions(options);
    return super.forRoot(options);
  }

  /**
   * Adds sessions to the app, with options from other providers. Call it once, in the root module.
   *
   * @param options `useFactory` with `inject`, or `useClass` or `useExisting` with a `SessionOptionsFactory`.
   * @throws SessionOptionsError if `options` has none of them. A wrong option is reported when the app starts.
   * @example
   * ```ts
   * SessionModule.forRootAsync({
   *   imports: [ConfigModule],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ secret: config.getOrThrow('SESSION_SECRET') }),
   * })
   * ```
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    const ways = ['useFactory', 'useClass', 'useExisting'] as const;
    if (typeof options !== 'object' || options === null || !ways.some((way) => options[way])) {
      const got =
        typeof options === 'object' && options !== null
          ? 'no "useFactory", "useClass" or "useExisting"'
          : show(options);
      throw new SessionOptionsError(
        `SessionModule.forRootAsync() got ${got}; it takes one of them, such as { useFactory: () => ({ secret }) }.`,
      );
    }
    return super.forRootAsync(options);
  }

  constructor(
    @Inject(SessionManager) private readonly manager: SessionManager,
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: SessionModuleOptions,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {
    super();
    if (mountedIn.has(modules)) {
      throw new SessionOptionsError(
        'SessionModule.forRoot() was called twice in one app. Call it once, in the root module: it is global.',
      );
    }
    mountedIn.add(modules);
    this.use = new StoreUse(manager.store);
    // Added before the app's filters, so that each of them is asked first.
    config.addGlobalFilter(new SessionErrorFilter(manager, host));
    this.routes = new RouteMatcher(options, () => prefixOf(this.config));
    this.mountWhenThere();
    servedManagers.set(manager, () => host.httpAdapter?.getHttpServer() as Server | undefined);
  }

  /**
   * Mounts the middleware once the adapter exists. Under `@nestjs/testing` it is created after the providers; an
   * application context has none.
   */
  private mountWhenThere(): void {
    const adapter = this.host.httpAdapter as Adapter | null | undefined;
    if (isReal(adapter)) this.mount(adapter);
    else this.host.init$?.subscribe(() => this.mount(this.host.httpAdapter as Adapter));
  }

  private mount(adapter: Adapter): void {
    if (!isReal(adapter)) return;
    this.isMounted = true;
    const middleware = sessionMiddleware(this.manager, this.routes);
    if (isFastify(adapter)) mountOnFastify(adapter, middleware, this.manager.options.logger);
    else adapter.use(middleware);
  }

  /** With `forRoutes` or `exclude`, Nest's own consumer decides which requests have a session. */
  configure(consumer: MiddlewareConsumer): void {
    const { forRoutes, exclude } = this.options;
    if (forRoutes === undefined && exclude === undefined) return;
    const everywhere = { path: '{*path}', method: RequestMethod.ALL };
    consumer.apply(coverMiddleware(this.manager, false)).forRoutes(everywhere);
    consumer
      .apply(coverMiddleware(this.manager, true))
      .exclude(...(exclude ?? []).map(routeInfo))
      .forRoutes(
        ...(forRoutes?.map((route) => (typeof route === 'function' ? route : routeInfo(route))) ?? [everywhere]),
      );
  }

  /** @throws SessionStateError if the platform lacks something, SessionStoreError if the store doesn't answer. */
  async onModuleInit(): Promise<void> {
    checkPlatform(this.host.httpAdapter as object | undefined, this.isMounted);
    await openStore(this.manager, this.use);
    // From now on, other processes are told when a session ends here.
    watchOf(this.manager);
  }

  onApplicationBootstrap(): void {
    this.routes.addControllers(this.modules, this.config.getVersioning());
    this.leaveServer = prepareServer(this.host.httpAdapter as object | undefined);
    if (isInjected([CurrentSession, FlashMessages], this.modules)) trackRequests();
    const mistaken = handlersWithNestSession(this.modules);
    if (mistaken.length > 0)
      this.manager.options.logger.warn(
        `${mistaken.slice(0, 3).join(', ')}${mistaken.length > 3 ? ` and ${mistaken.length - 3} more` : ''}: @Session() is imported from '@nestjs/common'. It returns req.session without its type, and fails with load: 'lazy'. Import { Session } from 'nestjs-keycard', or KeycardSession, which is the same under a name that auto-import can't confuse.`,
      );
  }

  /** The server has answered its last request before this is called. */
  async onApplicationShutdown(): Promise<void> {
    mountedIn.delete(this.modules);
    servedManagers.delete(this.manager);
    this.leaveServer?.();
    await watchOf(this.manager).close();
    await this.use.close();
  }
}

function routeInfo(route: string | RouteInfo): { path: string; method: RequestMethod } {
  return typeof route === 'string'
    ? { path: route, method: RequestMethod.ALL }
    : { ...route, method: route.method ?? RequestMethod.ALL };
}

function isReal(adapter: Adapter | null | undefined): adapter is Adapter {
  return hasMethods(adapter, 'use', 'getInstance') && adapter!.getInstance() !== undefined;
}

function prefixOf(config: ApplicationConfig): string {
  const prefix = config.getGlobalPrefix();
  return prefix === '' ? '' : `/${prefix.replace(/^\/+|\/+$/g, '')}`;
}

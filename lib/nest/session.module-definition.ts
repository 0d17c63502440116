import { ConfigurableModuleBuilder, type RequestMethod, type Type, type VERSION_NEUTRAL } from '@nestjs/common';
import type { SessionOptions } from '../options/options.js';

/** A path, and optionally a method and a version. */
export interface RouteInfo {
  readonly path: string;
  readonly method?: RequestMethod | undefined;
  readonly version?: string | typeof VERSION_NEUTRAL | (string | typeof VERSION_NEUTRAL)[] | undefined;
}

/** The routes that have sessions, as in Nest's `consumer.apply().exclude().forRoutes()`. */
export interface SessionRoutes {
  /**
   * Paths, routes or controllers that have a session.
   *
   * @defaultValue all
   */
  forRoutes?: readonly (string | RouteInfo | Type)[] | undefined;
  /**
   * Paths or routes that have no session.
   *
   * @defaultValue none
   */
  exclude?: readonly (string | RouteInfo)[] | undefined;
}

/** The options of `SessionModule.forRoot()`. */
export type SessionModuleOptions = SessionOptions & SessionRoutes;

/** A provider of the options, for `useClass` and `useExisting`. */
export interface SessionOptionsFactory {
  createSessionOptions(): Promise<SessionModuleOptions> | SessionModuleOptions;
}

/** The token of the options as they were given. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE, OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSessionOptions')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();

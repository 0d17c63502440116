import { RequestMethod, type Type, VERSION_NEUTRAL, type VersioningOptions, VersioningType } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA, VERSION_METADATA } from '@nestjs/common/constants.js';
import type { ModulesContainer } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { pathToRegexp } from 'path-to-regexp';
import { SKIP_SESSION } from './decorators/skip-session.decorator.js';
import { SessionOptionsError } from './engine/errors.js';
import { show } from './engine/duration.js';
import type { SessionRoutes } from './session.module-definition.js';

interface Pattern {
  readonly method: string | undefined;
  readonly path: RegExp;
}

/** Which requests have a session: `forRoutes`, `exclude` and `@SkipSession()`, compiled once. */
export class RouteMatcher {
  private readonly included: Pattern[] | undefined;
  private readonly controllers: ReadonlySet<unknown>;
  private readonly excluded: Pattern[];

  constructor(
    routes: SessionRoutes,
    private readonly prefix: () => string,
  ) {
    this.controllers = new Set(routes.forRoutes?.filter((route) => typeof route === 'function'));
    this.included = routes.forRoutes?.flatMap((route) => this.patterns(route, 'forRoutes'));
    this.excluded = (routes.exclude ?? []).flatMap((route) => this.patterns(route, 'exclude'));
  }

  /** Takes up the routes of the controllers that `forRoutes` names, and those that carry `@SkipSession()`. */
  addControllers(modules: ModulesContainer, versioning: VersioningOptions | undefined): void {
    for (const module of modules.values()) {
      // A RouterModule's prefix is kept for each app apart.
      const key = MODULE_PATH + modules.applicationId;
      const modulePath = (Reflect.getMetadata(key, module.metatype) ??
        Reflect.getMetadata(MODULE_PATH, module.metatype) ??
        '') as string;
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype !== 'function') continue;
        const routes = controllerRoutes(metatype as Type, modulePath, versioning);
        if (this.controllers.has(metatype)) this.included!.push(...routes);
        this.excluded.push(...routes.filter((route) => route.isSkipped));
      }
    }
  }

  covers(req: IncomingMessage & { originalUrl?: string }): boolean {
    if (this.included === undefined && this.excluded.length === 0) return true;
    const path = this.pathOf(req.originalUrl ?? req.url ?? '/');
    if (this.included !== undefined && !matches(this.included, path, req.method)) return false;
    return !matches(this.excluded, path, req.method);
  }

  private pathOf(url: string): string {
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    const prefix = this.prefix();
    return prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`))
      ? path.slice(prefix.length) || '/'
      : path;
  }

  private patterns(route: unknown, option: string): Pattern[] {
    if (typeof route === 'string') return [{ method: undefined, path: compile(route, option) }];
    // Its paths are known when the app has started.
    if (typeof route === 'function' && option === 'forRoutes') return [];
    const info = route as { path?: unknown; method?: RequestMethod } | null;
    if (typeof info === 'object' && info !== null && typeof info.path === 'string') {
      return [{ method: methodName(info.method), path: compile(info.path, option) }];
    }
    throw new SessionOptionsError(
      `"${option}" got ${show(route)}; it takes paths such as 'api/*path', { path, method }${option === 'forRoutes' ? ', or controllers' : ''}.`,
    );
  }
}

function matches(patterns: readonly Pattern[], path: string, method: string | undefined): boolean {
  // The adapters hand a HEAD to the route of the GET.
  const asked = method === 'HEAD' ? 'GET' : method;
  return patterns.some(
    (pattern) =>
      (pattern.method === undefined || pattern.method === method || pattern.method === asked) &&
      pattern.path.test(path),
  );
}

interface ControllerRoute extends Pattern {
  readonly isSkipped: boolean;
}

function controllerRoutes(
  controller: Type,
  modulePath: string,
  versioning: VersioningOptions | undefined,
): ControllerRoute[] {
  const whole = Reflect.getMetadata(SKIP_SESSION, controller) === true;
  const found: ControllerRoute[] = [];
  for (const handler of handlersOf(controller)) {
    const isSkipped = whole || Reflect.getMetadata(SKIP_SESSION, handler) === true;
    const method = methodName(Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
    for (const version of versionPaths(controller, handler, versioning)) {
      for (const start of paths(controller)) {
        for (const end of paths(handler)) {
          const path = `${version}${trim(modulePath)}${trim(start)}${trim(end)}` || '/';
          found.push({ method, path: compile(path, controller.name), isSkipped });
        }
      }
    }
  }
  return found;
}

/** The functions that answer routes, inherited ones included. */
function handlersOf(controller: Type): object[] {
  const found = new Map<string, object>();
  for (
    let at = controller.prototype as object | null;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const handler = Object.getOwnPropertyDescriptor(at, name)?.value as unknown;
      if (typeof handler === 'function' && !found.has(name)) found.set(name, handler);
    }
  }
  return [...found.values()].filter((handler) => Reflect.hasMetadata(PATH_METADATA, handler));
}

/** `/v1` and the like, as Nest puts it before a route; empty without versions in the URI. */
function versionPaths(controller: Type, handler: object, versioning: VersioningOptions | undefined): string[] {
  if (versioning?.type !== VersioningType.URI) return [''];
  const given = (Reflect.getMetadata(VERSION_METADATA, handler) ??
    Reflect.getMetadata(VERSION_METADATA, controller) ??
    versioning.defaultVersion) as unknown;
  if (given === undefined) return [''];
  const prefix = versioning.prefix === false ? '' : (versioning.prefix ?? 'v');
  return (Array.isArray(given) ? given : [given]).map((version: unknown) =>
    version === VERSION_NEUTRAL ? '' : `/${prefix}${String(version)}`,
  );
}

function paths(target: object): string[] {
  const path = Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined;
  return (Array.isArray(path) ? path : [path ?? '/']).map((each) => (each === '' ? '/' : each));
}

/** `/path`, without a slash at the end; the root is empty. */
function trim(path: string): string {
  const inner = path.replace(/^\/+|\/+$/g, '');
  return inner === '' ? '' : `/${inner}`;
}

function methodName(method: RequestMethod | undefined): string | undefined {
  return method === undefined || method === RequestMethod.ALL ? undefined : RequestMethod[method];
}

function compile(path: string, option: string): RegExp {
  // As Nest reads the wildcards of Express 4: a bare star is a named one.
  const text = (trim(path) || '/').replace(/\/\(\.\*\)$|\/\*$/, '{/*path}');
  try {
    return pathToRegexp(text).regexp;
  } catch (error) {
    throw new SessionOptionsError(
      `"${option}" got the path ${show(path)}, which can't be read: ${(error as Error).message}`,
    );
  }
}

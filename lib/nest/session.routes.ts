import { RequestMethod, type Type, VERSION_NEUTRAL, type VersioningOptions, VersioningType } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { pathToRegexp } from 'path-to-regexp';
import { SKIP_SESSION } from './decorators/skip-session.decorator.js';
import { SessionOptionsError } from '../common/errors.js';
import { show } from '../common/duration.js';
import type { SessionRoutes } from './session.module-definition.js';

// The metadata keys of Nest's decorators. Nest's constants aren't public, but other packages rely on these names too.
const METHOD_METADATA = 'method';
const PATH_METADATA = 'path';
const MODULE_PATH = '__module_path__';
const VERSION_METADATA = '__version__';

interface Pattern {
  readonly method: string | undefined;
  readonly path: RegExp;
}

interface ControllerRoute extends Pattern {
  readonly isSkipped: boolean;
}

/**
 * A first answer to which requests have a session, before Nest has matched a route. In doubt it says yes: what
 * `forRoutes` and `exclude` exactly mean is decided by Nest's consumer, which marks the requests later
 * (`SessionModule.configure`). Only `@SkipSession()` is decided here, if no other route could match.
 */
export class RouteMatcher {
  private readonly included: Pattern[] | undefined;
  private readonly controllers: ReadonlySet<unknown>;
  private readonly excluded: Pattern[];
  private skipped: ControllerRoute[] = [];
  private unmarked: ControllerRoute[] = [];

  constructor(
    routes: SessionRoutes,
    private readonly prefix: () => string,
  ) {
    assertList(routes.forRoutes, 'forRoutes');
    assertList(routes.exclude, 'exclude');
    this.controllers = new Set(routes.forRoutes?.filter((route) => typeof route === 'function'));
    this.included = routes.forRoutes?.flatMap((route) => patterns(route, 'forRoutes')).map(anywhere);
    this.excluded = (routes.exclude ?? []).flatMap((route) => patterns(route, 'exclude'));
  }

  /** Adds the routes of the controllers in `forRoutes`, and finds the routes with `@SkipSession()`. */
  addControllers(modules: ModulesContainer, versioning: VersioningOptions | undefined): void {
    const all: ControllerRoute[] = [];
    for (const module of modules.values()) {
      // RouterModule stores its prefix for each app.
      const key = MODULE_PATH + modules.applicationId;
      const modulePath = (Reflect.getMetadata(key, module.metatype) ??
        Reflect.getMetadata(MODULE_PATH, module.metatype) ??
        '') as string;
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype !== 'function') continue;
        const routes = controllerRoutes(metatype as Type, modulePath, versioning);
        if (this.controllers.has(metatype)) this.included!.push(...routes.map(anywhere));
        all.push(...routes);
      }
    }
    this.skipped = all.filter((route) => route.isSkipped);
    this.unmarked = all.filter((route) => !route.isSkipped);
  }

  /** Whether a request may have a session. */
  covers(req: IncomingMessage & { originalUrl?: string }): boolean {
    if (this.included === undefined && this.excluded.length === 0 && this.skipped.length === 0) return true;
    const url = pathOf(req.originalUrl ?? req.url ?? '/');
    if (this.included !== undefined && !matches(this.included, url, req.method)) return false;
    const path = this.belowPrefix(url);
    if (path === undefined) return true;
    if (matches(this.excluded, path, req.method)) return false;
    return !matches(this.skipped, path, req.method) || matches(this.unmarked, path, req.method);
  }

  /** `undefined` if the path has no prefix: the prefix may have a parameter, or not apply to this route. */
  private belowPrefix(path: string): string | undefined {
    const prefix = this.prefix();
    if (prefix === '') return path;
    return path === prefix || path.startsWith(`${prefix}/`) ? path.slice(prefix.length) || '/' : undefined;
  }
}

function assertList(routes: unknown, option: string): void {
  if (routes !== undefined && !Array.isArray(routes))
    throw new SessionOptionsError(`"${option}" got ${show(routes)}; it takes an array, such as ['health'].`);
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** Matches below any prefix, version or outer app. */
function anywhere<P extends Pattern>(pattern: P): P {
  return { ...pattern, path: new RegExp(pattern.path.source.replace(/^\^/, ''), 'i') };
}

function patterns(route: unknown, option: string): Pattern[] {
  if (typeof route === 'string') return [{ method: undefined, path: compile(route, option) }];
  // The paths of a controller are known when the app has started.
  if (typeof route === 'function' && option === 'forRoutes') return [];
  const info = route as { path?: unknown; method?: RequestMethod; version?: unknown } | null;
  if (typeof info === 'object' && info !== null && typeof info.path === 'string') {
    const path = compile(info.path, option);
    // It is only for one version of the path, which Nest determines.
    return option === 'exclude' && info.version !== undefined ? [] : [{ method: methodName(info.method), path }];
  }
  throw new SessionOptionsError(
    `"${option}" got ${show(route)}; it takes paths such as 'api/*path', { path, method }${option === 'forRoutes' ? ', or controllers' : ''}.`,
  );
}

function matches(patterns: readonly Pattern[], path: string, method: string | undefined): boolean {
  // The adapters send a HEAD request to the route of the GET.
  const asked = method === 'HEAD' ? 'GET' : method;
  return patterns.some(
    (pattern) =>
      (pattern.method === undefined || pattern.method === method || pattern.method === asked) &&
      pattern.path.test(path),
  );
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
          found.push({ method, path: compileRoute(path, isSkipped), isSkipped });
        }
      }
    }
  }
  return found;
}

/** The handlers of routes, inherited ones included. */
function handlersOf(controller: Type): object[] {
  const prototype = controller.prototype as Record<string, object>;
  const methods = new MetadataScanner().getAllMethodNames(prototype).map((name) => prototype[name]!);
  return methods.filter((method) => Reflect.hasMetadata(PATH_METADATA, method));
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

/** A path of the app's own routes. If it can't be parsed here, the route has a session. */
function compileRoute(path: string, isSkipped: boolean): RegExp {
  try {
    return expression(path);
  } catch {
    return isSkipped ? /^(?!)/ : /^/;
  }
}

function compile(path: string, option: string): RegExp {
  try {
    return expression(path);
  } catch (error) {
    throw new SessionOptionsError(
      `"${option}" got the path ${show(path)}, which can't be read: ${(error as Error).message}`,
    );
  }
}

/** Nest's reading of Express 4 wildcards: a bare star is a named one. */
function expression(path: string): RegExp {
  let count = 0;
  const text = (trim(path) || '/')
    .replace(/\/\(\.\*\)$|\/\*$/, '{/*path}')
    .replace(/\/\*(?=\/)/g, () => `/*any${(count += 1)}`);
  return pathToRegexp(text).regexp;
}

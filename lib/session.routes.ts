import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA } from '@nestjs/common/constants.js';
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
  private included: readonly Pattern[] | undefined;
  private excluded: Pattern[] = [];

  constructor(routes: SessionRoutes, private readonly prefix: () => string) {
    this.included = routes.forRoutes?.flatMap((route) => this.patterns(route, 'forRoutes'));
    this.excluded = (routes.exclude ?? []).flatMap((route) => this.patterns(route, 'exclude'));
  }

  /** Takes up the routes that carry `@SkipSession()`. */
  addSkipped(modules: ModulesContainer): void {
    for (const module of modules.values()) {
      const modulePath = (Reflect.getMetadata(MODULE_PATH, module.metatype) as string | undefined) ?? '';
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype === 'function') this.excluded.push(...skippedRoutes(metatype as Type, modulePath));
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
    return prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`)) ? path.slice(prefix.length) || '/' : path;
  }

  private patterns(route: unknown, option: string): Pattern[] {
    if (typeof route === 'string') return [{ method: undefined, path: compile(route, option) }];
    if (typeof route === 'function') return paths(route).flatMap((path) => [path, `${trim(path)}/*path`].map((each) => ({ method: undefined, path: compile(each, option) })));
    const info = route as { path?: unknown; method?: RequestMethod } | null;
    if (typeof info === 'object' && info !== null && typeof info.path === 'string') {
      return [{ method: methodName(info.method), path: compile(info.path, option) }];
    }
    throw new SessionOptionsError(`"${option}" got ${show(route)}; it takes paths such as 'api/*path', { path, method }${option === 'forRoutes' ? ', or controllers' : ''}.`);
  }
}

function matches(patterns: readonly Pattern[], path: string, method: string | undefined): boolean {
  return patterns.some((pattern) => (pattern.method === undefined || pattern.method === method) && pattern.path.test(path));
}

function skippedRoutes(controller: Type, modulePath: string): Pattern[] {
  const whole = Reflect.getMetadata(SKIP_SESSION, controller) === true;
  const found: Pattern[] = [];
  for (const name of Object.getOwnPropertyNames(controller.prototype)) {
    const handler = Object.getOwnPropertyDescriptor(controller.prototype, name)?.value as object | undefined;
    if (typeof handler !== 'function' || !Reflect.hasMetadata(PATH_METADATA, handler)) continue;
    if (!whole && Reflect.getMetadata(SKIP_SESSION, handler) !== true) continue;
    const method = methodName(Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
    for (const start of paths(controller)) {
      for (const end of paths(handler)) {
        // With URI versioning a version comes first.
        const path = compile(`${trim(modulePath)}${trim(start)}${trim(end)}` || '/', '@SkipSession()');
        found.push({ method, path });
      }
    }
  }
  return found;
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
    throw new SessionOptionsError(`"${option}" got the path ${show(path)}, which can't be read: ${(error as Error).message}`);
  }
}

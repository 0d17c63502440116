import { Session as NestSession } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';

/**
 * The handlers that use `@Session()` of @nestjs/common, which an editor's auto-import may choose:
 * `CartController.add()`. It returns `req.session` without a type, and fails with `load: 'lazy'`.
 */
export function handlersWithNestSession(modules: ModulesContainer): string[] {
  const { key, mark } = howNestMarksIt();
  const scanner = new MetadataScanner();
  const controllers = new Set<unknown>();
  for (const { controllers: wrappers } of modules.values())
    for (const { metatype } of wrappers.values()) controllers.add(metatype);
  return [...controllers].flatMap((controller) => {
    if (typeof controller !== 'function') return [];
    const names = scanner.getAllMethodNames(controller.prototype as object);
    return names
      .filter((name) => marksOf(key, controller, name).some((each) => each.startsWith(mark)))
      .map((name) => `${controller.name}.${name}()`);
  });
}

/** Found by applying Nest's own decorator, so that none of its private names is needed. */
function howNestMarksIt(): { key: unknown; mark: string } {
  class Probe {
    method(): void {}
  }
  NestSession()(Probe.prototype, 'method', 0);
  const key = Reflect.getMetadataKeys(Probe, 'method')[0] as unknown;
  return { key, mark: marksOf(key, Probe, 'method')[0]!.replace(/0$/, '') };
}

const marksOf = (key: unknown, target: object, name: string): string[] =>
  Object.keys((Reflect.getMetadata(key, target, name) as object | undefined) ?? {});

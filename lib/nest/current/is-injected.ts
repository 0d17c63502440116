import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** Whether a provider or controller of an app has one of these providers injected. */
export function isInjected(tokens: readonly InjectionToken[], modules: ModulesContainer): boolean {
  for (const { providers, controllers, injectables, middlewares } of modules.values()) {
    for (const wrappers of [providers, controllers, injectables, middlewares]) {
      for (const wrapper of wrappers.values()) {
        const properties = wrapper.getPropertiesMetadata()?.map((each) => each.wrapper) ?? [];
        if ([...(wrapper.getCtorMetadata() ?? []), ...properties].some(({ token }) => tokens.includes(token)))
          return true;
      }
    }
  }
  return false;
}

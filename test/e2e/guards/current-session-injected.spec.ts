import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, Get, Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CurrentSession } from 'nestjs-keycard';

/** Each test begins with a process in which nobody has it injected. */
async function fresh() {
  jest.resetModules();
  const { CurrentSession } = await import('nestjs-keycard');
  const { startApp } = await import('../../support/app.js');

  @Controller()
  class Plain {
    @Get()
    plain() {
      return 'plain';
    }
  }

  @Injectable()
  class ByConstructor {
    constructor(@Inject(CurrentSession) readonly current: CurrentSession) {}
  }
  @Injectable()
  class ByProperty {
    @Inject(CurrentSession) readonly current!: CurrentSession;
  }
  @Injectable({ scope: Scope.REQUEST })
  class OfRequest extends ByConstructor {}
  @Injectable({ scope: Scope.TRANSIENT })
  class Transient extends ByConstructor {}
  const factory = {
    provide: 'factory',
    inject: [CurrentSession],
    useFactory: (current: CurrentSession) => ({ current }),
  };

  @Controller()
  class Asking {
    constructor(@Inject('service') readonly service: { current: CurrentSession }) {}
    @Get()
    async ask() {
      return String((await this.service.current.get()).info.isNew);
    }
  }
  const asking = (given: Type | typeof factory) => ({
    controllers: [Asking],
    providers:
      typeof given === 'function' ? [{ provide: 'service', useClass: given }] : [{ ...given, provide: 'service' }],
  });
  return {
    startApp,
    ways: {
      nobody: { controllers: [Plain], providers: [] },
      constructor: asking(ByConstructor),
      property: asking(ByProperty),
      'a factory': asking(factory),
      'a service of the request': asking(OfRequest),
      'a transient service': asking(Transient),
    },
  };
}

describe('the storage of CurrentSession (#16.1)', () => {
  let close: () => Promise<void>;
  let runs: jest.SpiedFunction<AsyncLocalStorage<unknown>['run']>;
  beforeEach(() => {
    runs = jest.spyOn(AsyncLocalStorage.prototype, 'run');
  });
  afterEach(async () => {
    runs.mockRestore();
    await close();
  });
  const entered = () =>
    runs.mock.calls.filter(([store]) => (store as { url?: string } | undefined)?.url === '/').length;

  it.each([
    ['nobody', 'plain', 0],
    ['constructor', 'true', 1],
    ['property', 'true', 1],
    ['a factory', 'true', 1],
    ['a service of the request', 'true', 1],
    ['a transient service', 'true', 1],
  ] as const)('with it injected by: %s', async (way, body, times) => {
    const { startApp, ways } = await fresh();
    const { controllers, providers } = ways[way];
    const app = await startApp(controllers, {}, { providers });
    ({ close } = app);
    expect(await (await fetch(app.url)).text()).toBe(body);
    expect(entered()).toBe(times);
  });
});

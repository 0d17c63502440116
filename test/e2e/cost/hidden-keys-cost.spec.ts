import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { dataOf, MemoryStore, Session } from 'nestjs-keycard';
import { Jar, startApp, type TestApp } from '../../support/app.js';

@Controller()
class OldAppController {
  @Get('fill')
  fill(@Session() session: Session) {
    session.views = 1;
    dataOf(session).login = 'Ada';
    return 'filled';
  }

  @Get('read')
  read(@Session() session: Session) {
    return [session.views, dataOf(session).login];
  }
}

class CountingStore extends MemoryStore {
  replaced = 0;
  override replace(...args: Parameters<MemoryStore['replace']>): ReturnType<MemoryStore['replace']> {
    this.replaced += 1;
    return super.replace(...args);
  }
}

describe('a session that holds a key under a reserved name', () => {
  let server: TestApp;
  afterEach(() => server.close());

  it('is not written by a request that only reads it', async () => {
    const store = new CountingStore();
    server = await startApp([OldAppController], { store });
    const jar = new Jar();
    await jar.fetch(`${server.url}/fill`);
    for (let i = 0; i < 3; i += 1) expect(await (await jar.fetch(`${server.url}/read`)).json()).toEqual([1, 'Ada']);
    expect(store.replaced).toBe(0);
  });
});

// Unit tests, as docs/testing.md has them: the same for Jest and Vitest.
import { Test } from '@nestjs/testing';
import { CurrentSession, FlashMessages, SessionRegistry } from 'nestjs-keycard';
import { FakeSession } from 'nestjs-keycard/testing';
import { GreetingService, TourController } from './tour.js';

describe('the tour, without HTTP', () => {
  const session = new FakeSession({ principal: '7', data: { member: { name: 'Ada', role: 'guest' } } });
  let controller: TourController;

  beforeEach(async () => {
    const moduleRef = await Test.createTestingModule({
      controllers: [TourController],
      providers: [
        GreetingService,
        { provide: CurrentSession, useValue: { get: async () => session } },
        { provide: SessionRegistry, useValue: {} },
      ],
    }).compile();
    controller = moduleRef.get(TourController);
  });

  it('greets who is logged in, and shows a message once', async () => {
    const flash = new FlashMessages(session);
    await flash.add('notice', 'Saved.');
    expect(await controller.home(flash)).toEqual({ greeting: 'Hello Ada', notices: ['Saved.'] });
    expect(await controller.home(flash)).toEqual({ greeting: 'Hello Ada', notices: [] });
  });

  it('logs out', async () => {
    const leaving = new FakeSession({ principal: '7' });
    await controller.logout(leaving);
    expect(FakeSession.current(leaving)).toBeUndefined();
  });
});

import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Session, SessionGuard } from 'nestjs-keycard';
import { post, startApp } from '../../support/app.js';
import {
  describeDoor,
  type DoorCall,
  DoorController,
  doorHandlers,
  type DoorSession,
} from '../../support/door-contract.js';

type Data = Record<string, unknown>;

@Controller('door')
class HttpDoor extends DoorController {
  @Post('guarded')
  @HttpCode(200)
  @UseGuards(SessionGuard)
  guarded(@Session() session: DoorSession) {
    return doorHandlers.guarded(session);
  }
  @Post('setHeld')
  @HttpCode(200)
  setHeld(@Session() session: DoorSession, @Body() body: Data) {
    return doorHandlers.setHeld(session, body);
  }
  @Post('increment')
  @HttpCode(200)
  increment(@Session() session: DoorSession) {
    return doorHandlers.increment(session);
  }
}

for (const [name, adapter] of [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
] as const) {
  describeDoor({
    name,
    async start(options) {
      const app = await startApp([DoorController, HttpDoor], options, { adapter: adapter() });
      return {
        url: app.url,
        close: app.close,
        connect: async (jar) => ({
          async call(call: DoorCall, body = {}) {
            const answer = await jar.fetch(`${app.url}/door/${call}`, post(body));
            const value = (await answer.json()) as { reason?: string; message?: string };
            return answer.ok ? { value } : { refused: value.reason ?? value.message! };
          },
        }),
      };
    },
  });
}

import { Controller, type MessageEvent, Query, Sse, UseGuards } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { concatWith, fromEvent, NEVER, type Observable, of, takeUntil } from 'rxjs';
import { Session, SessionGuard, SessionSignal } from 'nestjs-keycard';
import { type Jar, startApp } from '../../support/app.js';
import {
  callDoor,
  describeDoor,
  type DoorCall,
  DoorController,
  doorHandlers,
  type DoorSession,
  type Outcome,
} from '../../support/door-contract.js';
import { EventStream } from '../../support/event-stream.js';

type Data = Record<string, unknown>;

/** The answer is the first event of a stream that lasts as long as its session. */
const lasting = (value: object, signal: AbortSignal): Observable<MessageEvent> =>
  of({ data: value }).pipe(concatWith(NEVER), takeUntil(fromEvent(signal, 'abort')));

@Controller('stream')
class StreamDoor {
  @Sse('guarded')
  @UseGuards(SessionGuard)
  guarded(@Session() session: DoorSession, @SessionSignal() signal: AbortSignal) {
    return lasting(doorHandlers.guarded(session), signal);
  }
  @Sse('call')
  async call(
    @Session() session: DoorSession,
    @SessionSignal() signal: AbortSignal,
    @Query('name') name: DoorCall,
    @Query('body') body: string,
  ) {
    return lasting((await callDoor(session, name, body)) as object, signal);
  }
}

async function call(url: string, jar: Jar, name: DoorCall, body: Data): Promise<Outcome> {
  const query = new URLSearchParams({ name, body: JSON.stringify(body) });
  const stream = await EventStream.open(`${url}/stream/${name === 'guarded' ? 'guarded' : `call?${query}`}`, jar);
  if (!stream.answer.ok) {
    const { reason, message } = (await stream.answer.json()) as { reason?: string; message: string };
    return { refused: reason ?? message };
  }
  const value = await stream.next();
  stream.leave();
  return { value };
}

for (const [name, adapter] of [
  ['an event stream on Express', () => new ExpressAdapter()],
  ['an event stream on Fastify', () => new FastifyAdapter()],
] as const) {
  describeDoor({
    name,
    endsConnections: true,
    async start(options) {
      const app = await startApp([DoorController, StreamDoor], options, { adapter: adapter() });
      return {
        url: app.url,
        close() {
          app.app.getHttpServer().closeAllConnections();
          return app.close();
        },
        async connect(jar) {
          // One that is open all the while, beside those that are opened for the calls.
          const open = await EventStream.open(`${app.url}/stream/call?name=read&body={}`, jar);
          await open.next();
          return {
            closed: open.next().catch(() => undefined),
            close: open.leave,
            call: (name, body = {}) => call(app.url, jar, name, body),
          };
        },
      };
    },
  });
}

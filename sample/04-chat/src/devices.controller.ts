import { Controller, HttpCode, type MessageEvent, Param, Post, Sse, UseGuards } from '@nestjs/common';
import { Principal, Session, SessionGuard, SessionRegistry, SessionSignal } from 'nestjs-keycard';
import { concatWith, filter, from, fromEvent, map, type Observable, of, startWith, switchMap, takeUntil } from 'rxjs';
import { deviceName } from './device-name.js';

@Controller('devices')
@UseGuards(SessionGuard)
export class DevicesController {
  constructor(private readonly registry: SessionRegistry) {}

  /** Where this person is logged in, again whenever that changes; and a last word when this session ends. */
  @Sse()
  all(@Session() session: Session, @SessionSignal({ keepAlive: true }) signal: AbortSignal): Observable<MessageEvent> {
    const { principal, handle } = session.info;
    const ended = signal.aborted ? of(true) : fromEvent(signal, 'abort');
    return this.registry.allEvents.pipe(
      filter((event) => event.principal === principal),
      startWith(undefined),
      switchMap(() => from(this.listOf(principal!, handle))),
      map((data) => ({ type: 'devices', data })),
      takeUntil(ended),
      concatWith(of({ type: 'ended', data: '' })),
    );
  }

  /** A handle may be shown: it opens nothing, and with the principal named nobody ends another's session. */
  @Post(':handle/logout')
  @HttpCode(204)
  async logOut(@Principal() principal: string, @Param('handle') handle: string) {
    await this.registry.revoke(handle, { principal });
  }

  private async listOf(principal: string, here: string) {
    const { sessions } = await this.registry.list({ principal });
    return sessions.map(({ handle, device, createdAt }) => ({
      handle,
      name: deviceName(device.userAgent),
      since: createdAt,
      isThis: handle === here,
    }));
  }
}

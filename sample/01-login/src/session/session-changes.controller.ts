import { Controller, type MessageEvent, Sse } from '@nestjs/common';
import { Session, type SessionEvent, SessionRegistry } from 'nestjs-keycard';
import { filter, map, type Observable } from 'rxjs';

const ENDS = new Set<SessionEvent['type']>(['logged-out', 'destroyed', 'revoked', 'evicted', 'expired']);

/**
 * Tells a page what happens to its guest's sessions, on any device. `events` has what happens in this process;
 * `allEvents` adds that of other processes, with RedisStore or PostgresStore.
 */
@Controller('session')
export class SessionChangesController {
  constructor(private readonly registry: SessionRegistry) {}

  @Sse('changes')
  changes(@Session() session: Session): Observable<MessageEvent> {
    const { principal, handle } = session.info;
    return this.registry.events.pipe(
      filter((event) => event.principal === principal),
      map((event) => ({ data: { ended: event.handle === handle && ENDS.has(event.type) } })),
    );
  }
}

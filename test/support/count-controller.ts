import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-keycard';
import type { AnySession } from './scripted.js';

/** Counts a visitor's requests. */
@Controller()
export class CountController {
  @Get()
  count(@Session() session: Session) {
    const kept = session as unknown as AnySession;
    return String((kept.views = ((kept.views as number | undefined) ?? 0) + 1));
  }
}

import { Body, Controller, Post } from '@nestjs/common';
import { Session } from 'nestjs-keycard';
import type { GuestData } from '../sessions/guest-data.js';

/** What a guest asks the desk for, logged in or not. */
@Controller('requests')
export class RequestsController {
  @Post()
  add(@Session() session: Session<GuestData>, @Body() body: { text?: unknown } | undefined) {
    session.requests = [...(session.requests ?? []), String(body?.text ?? '').slice(0, 200)].slice(-20);
    return session.requests;
  }
}

import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { Session } from 'nestjs-keycard';

type NotesSession = Session<{ notes?: string[] }>;

/** Notes of whoever comes, guest or not. */
@Controller('notes')
export class NotesController {
  @Get()
  all(@Session() session: NotesSession) {
    return session.notes ?? [];
  }

  /** Two tabs that add one at the same time lose none. */
  @Post()
  @HttpCode(200)
  async add(@Session() session: NotesSession, @Body() body: { text?: unknown } | undefined) {
    await session.update((draft) => {
      draft.notes = [...(draft.notes ?? []), String(body?.text ?? '')].slice(-20);
    });
    return session.notes;
  }
}

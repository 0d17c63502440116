import { Module } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FileStore, SessionModule } from 'nestjs-keycard';
import { AuthController } from './auth.controller.js';
import { DevicesController } from './devices.controller.js';
import { NotesController } from './notes.controller.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [
    SessionModule.forRoot({
      // A real app keeps its secret: with this one nobody is logged in any more after a restart.
      secret: process.env.SESSION_SECRET ?? randomBytes(32),
      store: new FileStore({ path: process.env.SESSION_PATH ?? join(import.meta.dirname, '..', '.sessions') }),
      cookie: { maxAge: '1d' },
    }),
  ],
  controllers: [AuthController, DevicesController, NotesController],
  providers: [UsersService],
})
export class AppModule {}

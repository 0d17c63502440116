import { Module } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { MemoryStore, SessionModule } from 'nestjs-keycard';
import { AuthController } from './auth.controller.js';
import { ChatGateway } from './chat.gateway.js';
import { DevicesController } from './devices.controller.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [
    SessionModule.forRoot({
      // A real app keeps its secret, and its sessions: RedisStore and PostgresStore also tell its other processes of ends.
      secret: process.env.SESSION_SECRET ?? randomBytes(32),
      store: new MemoryStore(),
      cookie: { maxAge: '1d' },
    }),
  ],
  controllers: [AuthController, DevicesController],
  providers: [ChatGateway, UsersService],
})
export class AppModule {}

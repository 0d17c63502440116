import { Module } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FileStore, SessionModule } from 'nestjs-keycard';
import { withSubscriptionSessions } from 'nestjs-keycard/websockets';
import { AccountResolver } from './account.resolver.js';
import { MessagesResolver } from './messages.resolver.js';
import { PageController } from './page.controller.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [
    SessionModule.forRoot({
      // A real app keeps its secret: with this one nobody is logged in any more after a restart.
      secret: process.env.SESSION_SECRET ?? randomBytes(32),
      store: new FileStore({ path: process.env.SESSION_PATH ?? join(import.meta.dirname, '..', '.sessions') }),
      cookie: { maxAge: '1d' },
    }),
    // Queries and mutations need nothing. This is for what comes over WebSockets.
    GraphQLModule.forRoot<ApolloDriverConfig>(
      withSubscriptionSessions({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
      }),
    ),
  ],
  controllers: [PageController],
  providers: [AccountResolver, MessagesResolver, UsersService],
})
export class AppModule {}

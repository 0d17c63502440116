import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { UsersService } from '../users/users.service.js';
import { AuthController } from './auth.controller.js';
import { LocalStrategy } from './local.strategy.js';
import { UserSerializer } from './user.serializer.js';

@Module({
  // keepSessionInfo: what a guest has asked for is still there after the login.
  imports: [PassportModule.register({ session: true, keepSessionInfo: true })],
  controllers: [AuthController],
  providers: [UsersService, LocalStrategy, UserSerializer],
})
export class AuthModule {}

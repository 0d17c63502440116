import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { SessionGuard, SessionModule } from 'nestjs-keycard';
import { AuthController } from './auth/auth.controller.js';
import { ConfirmController } from './auth/confirm.controller.js';
import { SameOriginGuard } from './auth/same-origin.guard.js';
import { CodeController } from './code/code.controller.js';
import { CartController } from './cart/cart.controller.js';
import { DashboardController } from './dashboard/dashboard.controller.js';
import { DevicesController } from './devices/devices.controller.js';
import { LabController } from './lab/lab.controller.js';
import { PageFilter } from './pages/page.filter.js';
import { SessionChangesController } from './session/session-changes.controller.js';
import { SessionController } from './session/session.controller.js';
import { sessionOptions } from './session/session.options.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [SessionModule.forRootAsync({ useFactory: sessionOptions })],
  controllers: [
    AuthController,
    ConfirmController,
    DashboardController,
    CartController,
    DevicesController,
    SessionController,
    SessionChangesController,
    LabController,
    CodeController,
  ],
  providers: [
    UsersService,
    { provide: APP_GUARD, useClass: SameOriginGuard },
    // Closed unless a route says @Public().
    { provide: APP_GUARD, useClass: SessionGuard },
    { provide: APP_FILTER, useClass: PageFilter },
  ],
})
export class AppModule {}

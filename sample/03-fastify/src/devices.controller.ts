import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { Principal, Session, SessionGuard, SessionRegistry } from 'nestjs-keycard';

/** Where am I logged in? For who is logged in alone. */
@Controller('devices')
@UseGuards(SessionGuard)
export class DevicesController {
  constructor(private readonly registry: SessionRegistry) {}

  @Get()
  async all(@Session() session: Session, @Principal() principal: string) {
    const { sessions } = await this.registry.list({ principal });
    return sessions.map(({ handle, device, lastSeenAt }) => ({
      isThis: handle === session.info.handle,
      userAgent: device.userAgent,
      lastSeenAt,
    }));
  }

  /** Logs every other browser out. */
  @Post('log-out-others')
  @HttpCode(204)
  async logOutOthers(@Session() session: Session, @Principal() principal: string) {
    await this.registry.revokeAll(principal, { except: session });
  }
}

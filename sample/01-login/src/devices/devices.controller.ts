import { Controller, Get, Param, Post, Query, Redirect } from '@nestjs/common';
import { Principal, RequireRecentLogin, Session, SessionRegistry } from 'nestjs-keycard';
import { devicesPage } from '../pages/devices.page.js';

/** How long ago the password may have been asked for. Who finds an unlocked phone can't lock its owner out of the others. */
const RECENT = process.env.RECENT_LOGIN ?? '15m';

@Controller('devices')
export class DevicesController {
  constructor(private readonly registry: SessionRegistry) {}

  @Get()
  async list(@Session() session: Session, @Principal() principal: string, @Query('notice') notice: unknown) {
    const { sessions } = await this.registry.list({ principal });
    return devicesPage(session, sessions, notice);
  }

  @Post('logout-others')
  @RequireRecentLogin(RECENT)
  @Redirect('/devices?notice=others-logged-out', 303)
  async logOutOthers(@Session() session: Session, @Principal() principal: string): Promise<void> {
    await this.registry.revokeAll(principal, { except: session });
  }

  @Post('logout-everywhere')
  @RequireRecentLogin(RECENT)
  @Redirect('/login?notice=logged-out-everywhere', 303)
  async logOutEverywhere(@Session() session: Session, @Principal() principal: string): Promise<void> {
    await session.logout();
    await this.registry.revokeAll(principal);
  }

  /** A handle may be shown: it opens nothing, and with the principal named nobody ends another's session. */
  @Post(':handle/logout')
  @RequireRecentLogin(RECENT)
  @Redirect()
  async logOut(@Session() session: Session, @Principal() principal: string, @Param('handle') handle: string) {
    if (handle === session.info.handle) {
      await session.logout();
      return { url: '/login?notice=logged-out', statusCode: 303 };
    }
    const wasThere = await this.registry.revoke(handle, { principal });
    return { url: `/devices?notice=${wasThere ? 'device-logged-out' : 'device-gone'}`, statusCode: 303 };
  }
}

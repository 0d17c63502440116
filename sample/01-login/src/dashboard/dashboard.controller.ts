import { Controller, Get, Query } from '@nestjs/common';
import { Session } from 'nestjs-keycard';
import { dashboardPage } from '../pages/dashboard.page.js';

@Controller('dashboard')
export class DashboardController {
  @Get()
  async show(@Session() session: Session, @Query('notice') notice: unknown) {
    await session.update((draft) => {
      draft.visits = (draft.visits ?? 0) + 1;
    });
    return dashboardPage(session, notice);
  }
}

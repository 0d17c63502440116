import { Controller, Get } from '@nestjs/common';
import { Public, Session } from 'nestjs-keycard';
import { labPage } from '../pages/lab.page.js';

@Controller('lab')
export class LabController {
  @Public()
  @Get()
  show(@Session() session: Session) {
    return labPage(session.info.principal === undefined ? undefined : session);
  }
}

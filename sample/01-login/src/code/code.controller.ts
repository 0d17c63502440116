import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { Public, SkipSession } from 'nestjs-keycard';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const source = join(import.meta.dirname, '..', '..', 'src');

/** What each page links to. Nothing else is read. */
const files: Readonly<Record<string, string>> = {
  login: 'auth/auth.controller.ts',
  dashboard: 'dashboard/dashboard.controller.ts',
  cart: 'cart/cart.controller.ts',
  devices: 'devices/devices.controller.ts',
  confirm: 'auth/confirm.controller.ts',
  lab: 'lab/lab.ts',
};

/** Shows the code of a page, as text. */
@Controller('code')
export class CodeController {
  @Public()
  @SkipSession()
  @Get(':page')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  show(@Param('page') page: string): Promise<string> {
    const file = Object.hasOwn(files, page) ? files[page] : undefined;
    if (file === undefined) throw new NotFoundException();
    return readFile(join(source, file), 'utf8');
  }
}

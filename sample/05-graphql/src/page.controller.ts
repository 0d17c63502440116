import { Controller, Get, Header } from '@nestjs/common';
import { SkipSession } from 'nestjs-keycard';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const file = (name: string): Promise<string> => readFile(join(import.meta.dirname, '..', 'public', name), 'utf8');

@Controller()
@SkipSession()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return file('index.html');
  }

  @Get('app.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script() {
    return file('app.js');
  }

  @Get('style.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file('style.css');
  }
}

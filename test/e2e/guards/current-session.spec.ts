import {
  Controller,
  Get,
  Injectable,
  type OnModuleInit,
  Post,
  Scope,
  UploadedFile,
  UseInterceptors,
} from '@nestjs/common';
import { FileInterceptor } from '@nestjs/platform-express';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CurrentSession } from 'nestjs-keycard';
import { onBothAdapters } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

type Data = { user: string; notes: string[] };

const scripts = scripted({
  login: (session, req) => session.login(req.query.id as string),
  notes: (session) => (session.notes ?? []) as unknown,
});

@Injectable()
class Notes implements OnModuleInit {
  atStart: string | undefined;
  constructor(private readonly current: CurrentSession) {}
  async onModuleInit() {
    this.atStart = await this.current.get().then(
      () => 'a session',
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    );
  }
  async add(what: string): Promise<string | undefined> {
    const session = await this.current.get<Data>();
    session.notes = [...(session.notes ?? []), what];
    return session.info.principal;
  }
  get isInRequest() {
    return this.current.isInRequest;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class PerConsumer {
  constructor(readonly current: CurrentSession) {}
}

@Controller('c')
class NotesController {
  constructor(
    private readonly notes: Notes,
    private readonly perConsumer: PerConsumer,
  ) {}
  @Get('note')
  async note() {
    await new Promise((resolve) => setImmediate(resolve));
    return String(await this.notes.add('get'));
  }
  @Post('body')
  async body() {
    return String(await this.notes.add('body'));
  }
  @Post('file')
  @UseInterceptors(FileInterceptor('file'))
  async file(@UploadedFile() file: { size: number }) {
    return `${await this.notes.add('file')} ${file.size}`;
  }
  @Get('transient')
  async transient() {
    return String((await this.perConsumer.current.get()).info.principal);
  }
}

onBothAdapters((adapter) => {
  describe.each(['eager', 'lazy'] as const)('CurrentSession, load: %s (#16.1)', (load) => {
    let app: TestApp;
    let jar: Jar;
    beforeAll(async () => {
      app = await startApp([scripts, NotesController], { load }, { providers: [Notes, PerConsumer] });
    });
    afterAll(() => app.close());
    beforeEach(() => {
      jar = new Jar();
    });
    const text = async (path: string, init?: RequestInit) => (await jar.fetch(`${app.url}/${path}`, init)).text();

    it('gives a service the session of the request, and what it changes is saved', async () => {
      await text('s/login?id=7');
      expect(await text('c/note')).toBe('7');
      expect(JSON.parse(await text('s/notes'))).toEqual(['get']);
    });

    it('also after a body was parsed, and a file uploaded', async () => {
      await text('s/login?id=7');
      expect(await text('c/body', post({ text: 'x'.repeat(50_000) }))).toBe('7');
      // Nest uploads files on Express only.
      if (adapter === 'Fastify') return;
      const body = new FormData();
      body.set('file', new Blob(['x'.repeat(100_000)]), 'file.txt');
      expect(await text('c/file', { method: 'POST', body })).toBe('7 100000');
      expect(JSON.parse(await text('s/notes'))).toEqual(['body', 'file']);
    });

    it('mixes no requests up', async () => {
      const jars = Array.from({ length: 30 }, () => new Jar());
      await Promise.all(jars.map((each, id) => each.fetch(`${app.url}/s/login?id=${id}`)));
      const said = await Promise.all(jars.map(async (each) => (await each.fetch(`${app.url}/c/note`)).text()));
      expect(said).toEqual(jars.map((_, id) => String(id)));
    });

    it('works in a transient service', async () => {
      await text('s/login?id=7');
      expect(await text('c/transient')).toBe('7');
    });

    it('says where it is asked outside a request', async () => {
      const notes = app.app.get(Notes);
      expect(notes.atStart).toMatch(/^NO_REQUEST: CurrentSession was used outside a request.*registry\.open\(id\)/);
      expect(notes.isInRequest).toBe(false);
    });
  });
});

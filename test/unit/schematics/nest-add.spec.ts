import { describe, expect, it } from '@jest/globals';
import nestAdd, { type FileTree } from '../../../schematics/nest-add/index.js';

const STARTER = `import { Module } from '@nestjs/common';
import { AppController } from './app.controller';
import { AppService } from './app.service';

@Module({
  imports: [],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
`;

class Tree implements FileTree {
  writes = 0;
  constructor(readonly files: Record<string, string>) {}
  exists = (path: string): boolean => path in this.files;
  read = (path: string): Buffer | null => (path in this.files ? Buffer.from(this.files[path]!) : null);
  create = (path: string, content: string): void => this.put(path, content);
  overwrite = (path: string, content: string): void => this.put(path, content);
  private put(path: string, content: string): void {
    this.writes += 1;
    this.files[path] = content;
  }
}

function run(files: Record<string, string>, sourceRoot?: string): { tree: Tree; said: string[] } {
  const tree = new Tree(files);
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  nestAdd(sourceRoot === undefined ? {} : { sourceRoot })(tree, { logger: { info: say, warn: say } });
  return { tree, said };
}
const moduleOf = (source: string): string => run({ 'src/app.module.ts': source }).tree.files['src/app.module.ts']!;

describe('nest add nestjs-keycard', () => {
  it('adds the module, the secret and the type file to the starter', () => {
    const { tree } = run({ 'src/app.module.ts': STARTER });
    expect(tree.files['src/app.module.ts']).toBe(`import { Module } from '@nestjs/common';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { SessionModule } from 'nestjs-keycard';

// Reads .env, if there is one. What the environment says goes before it.
if (existsSync('.env')) process.loadEnvFile();

@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        // Without SESSION_SECRET sessions end with this process; in production the app does not start without it.
        secret: process.env.SESSION_SECRET || (process.env.NODE_ENV === 'production' ? '' : randomBytes(32)),
      }),
    }),
  ],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
`);
    expect(tree.files['.env.example']).toMatch(/^# .*\nSESSION_SECRET=\n$/);
    expect(tree.files['src/session.d.ts']).toContain("declare module 'nestjs-keycard'");
  });

  it.each([
    ['{ "devDependencies": { "@types/express": "^5" } }', ['express-request']],
    ['{ "dependencies": { "@nestjs/platform-fastify": "^12" } }', ['fastify-request']],
    [
      '{ "dependencies": { "@nestjs/platform-fastify": "^12" }, "devDependencies": { "@types/express": "^5" } }',
      ['express-request', 'fastify-request'],
    ],
    ['{}', []],
  ])('types req.session of the requests that the app knows: %s (#16.1)', (manifest, expected) => {
    const { tree } = run({ 'src/app.module.ts': STARTER, 'package.json': manifest });
    const lines = [...tree.files['src/session.d.ts']!.matchAll(/^import 'nestjs-keycard\/(.*)';/gm)].map(
      ([, name]) => name,
    );
    expect(lines).toEqual(expected);
  });

  it('puts a secret of its own into .env, which Git is told to ignore (#13.30)', () => {
    const secretOf = (files: Record<string, string>) =>
      run({ 'src/app.module.ts': STARTER, ...files }).tree.files['.env'];
    const made = [secretOf({}), secretOf({})];
    for (const text of made) expect(text).toMatch(/^# .*\nSESSION_SECRET=[\w-]{43}\n$/);
    expect(made[0]).not.toBe(made[1]);
    expect(secretOf({ '.env': 'PORT=1' })).toMatch(/^PORT=1\n# .*\nSESSION_SECRET=[\w-]{43}\n$/);
    expect(secretOf({ '.env': 'SESSION_SECRET=mine' })).toBe('SESSION_SECRET=mine');
    const ignoredBy = (text?: string) =>
      run({ 'src/app.module.ts': STARTER, ...(text === undefined ? {} : { '.gitignore': text }) }).tree.files[
        '.gitignore'
      ];
    expect(ignoredBy()).toBe('.env\n');
    expect(ignoredBy('/dist\r\n.env.local')).toBe('/dist\r\n.env.local\r\n.env\r\n');
    for (const text of ['/dist\r\n.env\r\n', '.env*\n', '/.env\n']) expect(ignoredBy(text)).toBe(text);
  });

  it('leaves .env to what reads it already (#13.30)', () => {
    for (const line of ["import { ConfigModule } from '@nestjs/config';", "import 'dotenv/config';"]) {
      const changed = moduleOf(`${line}\n${STARTER}`);
      expect(changed).toContain('SessionModule.forRootAsync');
      expect(changed).not.toMatch(/loadEnvFile|existsSync/);
    }
  });

  it('does nothing the second time', () => {
    const { tree } = run({ 'src/app.module.ts': STARTER });
    const again = run({ ...tree.files });
    expect(again.tree.writes).toBe(0);
    expect(again.tree.files).toEqual(tree.files);
  });

  it('goes before the modules that are imported already', () => {
    expect(
      moduleOf(STARTER.replace('imports: []', 'imports: [ConfigModule.forRoot({ imports: [] }), UsersModule]')),
    ).toMatch(
      /imports: \[\n {4}SessionModule[^]*\n {4}\}\),\n {4}ConfigModule\.forRoot\(\{ imports: \[\] \}\), UsersModule\],\n {2}controllers/,
    );
    expect(moduleOf(STARTER.replace('imports: []', 'imports: [\n    UsersModule,\n  ]'))).toMatch(
      /\n {4}\}\),\n {4}UsersModule,\n {2}\],\n {2}controllers/,
    );
  });

  it('adds the list of imports if there is none', () => {
    expect(moduleOf(STARTER.replace('  imports: [],\n', ''))).toMatch(
      /@Module\(\{\n {2}imports: \[\n {4}SessionModule[^]*\n {2}\],\n {2}controllers/,
    );
  });

  it('is not led astray by comments and texts', () => {
    const source = STARTER.replace(
      '@Module({',
      "// @Module({ imports: [] })\nconst text = '@Module({ imports: [';\n@Module({\n  // imports: [Nothing],",
    );
    expect(moduleOf(source)).toContain('// imports: [Nothing],\n  imports: [\n    SessionModule');
  });

  it('keeps quotes and line ends as they are', () => {
    const changed = moduleOf(STARTER.replaceAll("'", '"').replaceAll('\n', '\r\n'));
    expect(changed).toContain('import { SessionModule } from "nestjs-keycard";\r\n');
    expect(changed).not.toMatch(/[^\r]\n/);
    expect(changed).not.toContain("'");
  });

  it('leaves alone what it can not change safely, and says what to do', () => {
    for (const imports of ['imports: MODULES', '...metadata']) {
      const { tree, said } = run({ 'src/app.module.ts': STARTER.replace('imports: []', imports) });
      expect(tree.files['src/app.module.ts']).toBe(STARTER.replace('imports: []', imports));
      expect(said.join()).toContain('SessionModule.forRoot');
    }
    expect(run({}).said.join()).toContain('There is no src/app.module.ts');
  });

  it('finds the app of a monorepo', () => {
    const { tree } = run({ 'apps/shop/src/app.module.ts': STARTER }, 'apps/shop/src');
    expect(tree.files['apps/shop/src/app.module.ts']).toContain('SessionModule');
    expect(tree.files['apps/shop/src/session.d.ts']).toBeDefined();
  });

  it('appends to an .env.example, and leaves a secret that is there', () => {
    expect(run({ 'src/app.module.ts': STARTER, '.env.example': 'PORT=3000' }).tree.files['.env.example']).toMatch(
      /^PORT=3000\n# .*\nSESSION_SECRET=\n$/,
    );
    expect(
      run({ 'src/app.module.ts': STARTER, '.env.example': 'SESSION_SECRET=mine\n' }).tree.files['.env.example'],
    ).toBe('SESSION_SECRET=mine\n');
  });
});

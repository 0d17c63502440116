import { randomBytes } from 'node:crypto';
import { addToModule } from './add-to-module.js';

/** What the Nest CLI's file tree offers, as far as it is needed: so this package needs no schematics library. */
export interface FileTree {
  exists(path: string): boolean;
  read(path: string): Buffer | null;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
}

/** Where the CLI says what was done. */
export interface AddContext {
  readonly logger: { info(message: string): void; warn(message: string): void };
}

/** The CLI's options. */
export interface AddOptions {
  /** Default: `src`. */
  readonly sourceRoot?: string;
}

const SECRET_COMMENT = '# Signs the session cookie. At least 32 bytes: openssl rand -base64 32';

/** By which package an app says that it reads requests of this kind, and what types `req.session` on them. */
const REQUEST_TYPES = [
  ['@types/express', 'express-request'],
  ['@nestjs/platform-fastify', 'fastify-request'],
] as const;

const typesFor = (requests: readonly string[]): string => `import 'nestjs-keycard';
${requests.map((each) => `import 'nestjs-keycard/${each}'; // types req.session\n`).join('')}
// What this app keeps in its sessions. As long as nothing is declared here, a session takes any key.
declare module 'nestjs-keycard' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface SessionData {
    // user: { id: number; name: string };
    // cart: string[];
  }
}
`;

/** Adds sessions to a Nest app. What is there already stays as it is, so it may be run again. */
export function nestAdd(options: AddOptions = {}): (tree: FileTree, context: AddContext) => FileTree {
  return (tree, { logger }) => {
    const root = (options.sourceRoot ?? 'src').replace(/\/+$/, '');
    addModule(tree, logger, `${root}/app.module.ts`);
    addSecret(tree, logger, '.env.example', '');
    ignore(tree, '.env');
    addSecret(tree, logger, '.env', randomBytes(32).toString('base64url'));
    if (!tree.exists(`${root}/session.d.ts`)) tree.create(`${root}/session.d.ts`, typesFor(requestsOf(tree)));
    return tree;
  };
}

export default nestAdd;

function requestsOf(tree: FileTree): string[] {
  const manifest = tree.read('package.json')?.toString('utf8') ?? '';
  return REQUEST_TYPES.filter(([name]) => manifest.includes(`"${name}"`)).map(([, subpath]) => subpath);
}

function addModule(tree: FileTree, logger: AddContext['logger'], path: string): void {
  const source = tree.read(path)?.toString('utf8');
  if (source === undefined) {
    logger.warn(`There is no ${path}: add SessionModule.forRoot({ secret }) to the imports of your root module.`);
    return;
  }
  if (source.includes("'nestjs-keycard'") || source.includes('"nestjs-keycard"')) {
    logger.info(`${path} imports nestjs-keycard already.`);
    return;
  }
  const changed = addToModule(source);
  if (changed === undefined) {
    logger.warn(
      `${path} is no module that can be changed safely: add SessionModule.forRoot({ secret }) to its imports.`,
    );
    return;
  }
  tree.overwrite(path, changed);
  logger.info(
    'Sessions are in memory for now. The app reads SESSION_SECRET of .env. In production give SessionModule a "store", and set SESSION_SECRET.',
  );
}

/** Keeps a file out of Git. */
function ignore(tree: FileTree, path: string): void {
  const text = tree.read('.gitignore')?.toString('utf8') ?? '';
  const ignored = [path, `/${path}`, `${path}*`, `**/${path}`];
  if (!text.split(/\r?\n/).some((line) => ignored.includes(line.trim()))) append(tree, '.gitignore', [path, '']);
}

function append(tree: FileTree, path: string, lines: readonly string[]): void {
  const text = tree.read(path)?.toString('utf8');
  if (text === undefined) {
    tree.create(path, lines.join('\n'));
    return;
  }
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  tree.overwrite(path, `${text}${text === '' || text.endsWith('\n') ? '' : eol}${lines.join(eol)}`);
}

function addSecret(tree: FileTree, logger: AddContext['logger'], path: string, secret: string): void {
  if (/^\s*(export\s+)?SESSION_SECRET\s*=/m.test(tree.read(path)?.toString('utf8') ?? ''))
    logger.info(`${path} has SESSION_SECRET already.`);
  else append(tree, path, [SECRET_COMMENT, `SESSION_SECRET=${secret}`, '']);
}

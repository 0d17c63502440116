import { endOfSkipped } from './skip.js';

const ENTRY = [
  'SessionModule.forRootAsync({',
  '  useFactory: () => ({',
  '    // Without SESSION_SECRET sessions end with this process; in production the app does not start without it.',
  "    secret: process.env.SESSION_SECRET || (process.env.NODE_ENV === 'production' ? '' : randomBytes(32)),",
  '  }),',
  '}),',
];

/** The source of a module with SessionModule among its imports; `undefined` where it can't be told how. */
export function addToModule(source: string): string | undefined {
  const eol = source.includes('\r\n') ? '\r\n' : '\n';
  const quote = /from\s+"/.test(source) ? '"' : "'";
  const withModule = addEntry(source, eol, quote);
  return withModule === undefined ? undefined : addImports(withModule, eol, quote);
}

function addEntry(source: string, eol: string, quote: string): string | undefined {
  const object = moduleObject(source);
  if (object === undefined) return undefined;
  const imports = importsArray(source, object);
  if (imports === 'unknown') return undefined;
  const entry = (indent: string): string => ENTRY.map((line) => indent + line.replaceAll("'", quote)).join(eol);
  if (imports === undefined)
    return splice(source, object, object, `${eol}  imports: [${eol}${entry('    ')}${eol}  ],`);
  const rest = source.slice(imports);
  const blank = /^\s*/.exec(rest)![0];
  const next = rest[blank.length] === ']' ? '  ' : '    ';
  return splice(source, imports, imports + blank.length, `${eol}${entry('    ')}${eol}${next}`);
}

const splice = (text: string, start: number, end: number, put: string): string =>
  text.slice(0, start) + put + text.slice(end);

/** Where the object that `@Module()` is given begins, past its brace. */
function moduleObject(source: string): number | undefined {
  for (let i = 0; i < source.length; i += 1) {
    const end = endOfSkipped(source, i);
    if (end > i) {
      i = end - 1;
      continue;
    }
    const found = /^@Module\s*\(\s*\{/.exec(source.slice(i, i + 200));
    if (found) return i + found[0].length;
  }
  return undefined;
}

/** Past the bracket of `imports: [`; `undefined`: there is no such key; `unknown`: it is no plain array. */
function importsArray(source: string, from: number): number | 'unknown' | undefined {
  let depth = 0;
  for (let i = from; i < source.length; i += 1) {
    const end = endOfSkipped(source, i);
    if (end > i) {
      i = end - 1;
      continue;
    }
    const char = source[i]!;
    if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) {
      if (depth === 0) return undefined;
      depth -= 1;
    } else if (
      depth === 0 &&
      (source.startsWith('imports', i) || source.startsWith('...', i)) &&
      !/[\w$.]/.test(source[i - 1]!)
    ) {
      const array = /^imports\s*:\s*\[/.exec(source.slice(i, i + 200));
      if (array) return i + array[0].length;
      if (/^(imports\b|\.\.\.)/.test(source.slice(i, i + 8))) return 'unknown';
    }
  }
  return 'unknown';
}

/** Node's own reader of .env, unless the app has one. */
const READ_ENV = [
  '',
  '// Reads .env, if there is one. What the environment says goes before it.',
  "if (existsSync('.env')) process.loadEnvFile();",
];

function addImports(source: string, eol: string, quote: string): string {
  const readsEnv = /['"](?:@nestjs\/config|dotenv[\w/-]*)['"]|loadEnvFile/.test(source);
  const lines = [
    "import { randomBytes } from 'node:crypto';",
    ...(readsEnv ? [] : ["import { existsSync } from 'node:fs';"]),
    "import { SessionModule } from 'nestjs-keycard';",
    ...(readsEnv ? [] : READ_ENV),
  ]
    .join(eol)
    .replaceAll("'", quote);
  let end: number | undefined;
  for (const found of source.matchAll(/^import\s(?:[^;'"]*?\sfrom\s*)?(['"])[^'"\n]+\1;?/gm))
    end = found.index + found[0].length;
  return end === undefined ? `${lines}${eol}${source}` : splice(source, end, end, `${eol}${lines}`);
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..');
const STARTS_MS = 90_000;

/** The repository as a fresh clone after `npm ci`: nothing is built, and nobody else builds in it meanwhile. */
export class SampleClone {
  private constructor(readonly path: string) {}

  static async make(): Promise<SampleClone> {
    const path = await mkdtemp(join(tmpdir(), 'keycard-sample-'));
    for (const file of await filesOfAClone()) await cp(join(root, file), join(path, file));
    await symlink(join(root, 'node_modules'), join(path, 'node_modules'), 'junction');
    return new SampleClone(path);
  }

  /** What `npm run sample` does, on a free port. */
  start(env: Readonly<Record<string, string>> = {}, name = '01-login'): Promise<RunningSample> {
    return RunningSample.start(this.path, env, name);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** A sample that runs while the tests of a suite do. */
export interface SampleInUse {
  readonly clone: SampleClone;
  readonly sample: RunningSample;
}

/** Starts the sample before the tests of a suite, and stops it after them. */
export function useSample(env?: Readonly<Record<string, string>>, name?: string): SampleInUse {
  let clone: SampleClone | undefined;
  let sample: RunningSample | undefined;
  beforeAll(async () => {
    clone = await SampleClone.make();
    sample = await clone.start(env, name);
  }, 120_000);
  afterAll(async () => {
    await sample?.stop();
    await clone?.remove();
  });
  return {
    get clone() {
      return clone!;
    },
    get sample() {
      return sample!;
    },
  };
}

/** No build reads these. */
const NOT_BUILT = ['test', 'docs', 'bench'];
const NOT_GITS = /(?:^|[\\/])(?:\.git|node_modules|dist|artifacts|coverage|\.sessions|\.session-secret)(?:[\\/]|$)/;

/**
 * What Git has, or would take: a file that .gitignore hides is missing in a clone, so it has to be missing here. In a copy of
 * the repository that is none of Git's: all but what running makes.
 */
async function filesOfAClone(): Promise<string[]> {
  const but = NOT_BUILT.map((folder) => `:!${folder}`);
  const args = ['ls-files', '-z', '-co', '--exclude-standard', '--', '.', ...but];
  const listed = await promisify(execFile)('git', args, { cwd: root }).then(
    ({ stdout }) => stdout.split('\0'),
    () => allFiles(),
  );
  return listed.filter((file) => file !== '' && existsSync(join(root, file)));
}

async function allFiles(): Promise<string[]> {
  const parts = (await readdir(root)).filter((part) => !NOT_BUILT.includes(part) && !NOT_GITS.test(part));
  const lists = parts.map(async (part) => {
    if (!(await stat(join(root, part))).isDirectory()) return [part];
    const entries = await readdir(join(root, part), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
  });
  return (await Promise.all(lists)).flat().filter((file) => !NOT_GITS.test(file));
}

/** The sample at work, in a process of its own. */
export class RunningSample {
  private output = '';
  private readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly heard: { url?: string },
  ) {
    this.exited = new Promise((resolve) => child.once('close', resolve));
    const listen = (chunk: Buffer): void => void (this.output += chunk.toString());
    child.stdout!.on('data', listen);
    child.stderr!.on('data', listen);
  }

  static async start(path: string, env: Readonly<Record<string, string>>, name: string): Promise<RunningSample> {
    const child = spawn(process.execPath, [join(path, 'scripts', 'sample.mjs'), name], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', SESSION_STORE: 'file', PORT: '0', ...env },
    });
    const sample = new RunningSample(child, {});
    await sample.listening();
    return sample;
  }

  /** `http://localhost:` and the port. */
  get url(): string {
    return this.heard.url!;
  }

  /** What it has said so far. */
  get said(): string {
    return this.output;
  }

  /** Ends it as Ctrl+C does, and waits. Gives its exit code; `null` where the signal ended it. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    return this.exited;
  }

  private async listening(): Promise<void> {
    const ended = this.exited.then(() => 'ended' as const);
    for (const deadline = Date.now() + STARTS_MS; Date.now() < deadline;) {
      const url = /http:\/\/localhost:\d+/.exec(this.output)?.[0];
      if (url !== undefined) {
        this.heard.url = url;
        return;
      }
      const pause = new Promise((resolve) => setTimeout(resolve, 50));
      if ((await Promise.race([ended, pause])) === 'ended') throw new Error(`The sample ended: ${this.output}`);
    }
    await this.stop();
    throw new Error(`The sample didn't start in ${STARTS_MS} ms: ${this.output}`);
  }
}

/**
 * One private server process: started in a temporary folder on a free port, always ended by its own process id.
 * Where `setpriv` is there (Linux) the kernel ends the server even if the process that started it is killed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const live = new Set();
process.once('exit', () => live.forEach((server) => server.abandon()));

/** The first of these programs found in PATH or where packages put servers, else undefined. */
export function findProgram(...names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin'];
  return folders.flatMap((folder) => (folder ? names.map((name) => join(folder, name)) : [])).find(isProgram);
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Ports that were handed out by this process. */
const given = new Set();

/**
 * A port that is free now. Below the range the system hands to outgoing connections, so that none takes it before the
 * server does; with `busOffset`, the port that far above is free too (Redis Cluster's bus).
 */
export async function freePort(busOffset = 0) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(10_100, 22_700);
    const needed = busOffset === 0 ? [port] : [port, port + busOffset];
    // Servers that start at the same moment have not taken theirs yet.
    if (needed.some((each) => given.has(each))) continue;
    needed.forEach((each) => given.add(each));
    if ((await Promise.all(needed.map(isFree))).every(Boolean)) return port;
  }
  throw new Error('No free port between 10100 and 22700 on 127.0.0.1.');
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Resolves once something accepts connections there; rejects as `connect` does. */
export function canConnect(port, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host }, () => resolve(socket.destroy()));
    socket.once('error', reject);
  });
}

/** Who runs what refuses to be run by root: `{ uid, gid }` of postgres or nobody; undefined where we aren't root. */
export function unprivilegedUser() {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => users.find((user) => user[0] === name)).find(Boolean);
  if (!found)
    throw new Error('Running as root, and neither a user "postgres" nor "nobody" exists to run the server as.');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** A temporary folder that belongs to whoever will run the server. */
export function serverFolder(name, user) {
  const folder = mkdtempSync(join(tmpdir(), `keycard-${name}-`));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/**
 * `start` up to three times: between finding a free port and the server taking it, another process may have.
 *
 * @template T
 * @param {(port: number) => Promise<T>} start
 * @returns {Promise<T>}
 */
export async function withFreshPort(start, busOffset = 0) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort(busOffset));
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** @typedef {ServerProcess} PrivateServer what a private server that a test started can do */

export class ServerProcess {
  #options;
  #child;

  /**
   * @param {object} options
   * @param {string} options.name
   * @param {number} options.port
   * @param {string} options.url
   * @param {string} options.command
   * @param {string[]} options.args
   * @param {string} options.folder
   * @param {{ uid: number, gid: number }} [options.user]
   * @param {Record<string, string>} [options.env]
   * @param {() => Promise<unknown>} options.ready rejects until the server answers; called again and again
   * @param {NodeJS.Signals} [options.stopSignal] for an orderly end. Default SIGTERM
   * @param {number} [options.startTimeoutMs] default 60,000 ms
   */
  constructor(options) {
    this.#options = { stopSignal: 'SIGTERM', startTimeoutMs: 60_000, ...options };
  }

  get name() {
    return this.#options.name;
  }

  get port() {
    return this.#options.port;
  }

  get url() {
    return this.#options.url;
  }

  get folder() {
    return this.#options.folder;
  }

  get running() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid() {
    return this.running ? this.#child.pid : undefined;
  }

  /** The server's own process and those it started. */
  get pids() {
    return this.running ? [this.#child.pid, ...childrenOf(this.#child.pid)] : [];
  }

  /** The end of what the server printed. */
  get log() {
    try {
      return readFileSync(join(this.folder, 'server.log'), 'utf8').slice(-4000);
    } catch (error) {
      if (error.code === 'ENOENT') return '';
      throw error;
    }
  }

  async start() {
    if (this.running) throw new Error(`${this.name} runs already.`);
    const { command, args, folder, user, env } = this.#options;
    const output = openSync(join(folder, 'server.log'), 'a');
    const [program, programArgs] = tiedToUs(command, args, user);
    this.#child = spawn(program, programArgs, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
      detached: true, // Ctrl-C in the terminal reaches us, and we end it in order
      ...(program === command ? user : {}),
    });
    const failed = new Promise((_, reject) => this.#child.once('error', reject));
    failed.catch(() => {}); // raised through the race below; a later 'error' has no one waiting
    closeSync(output);
    this.#child.unref();
    live.add(this);
    try {
      await Promise.race([this.#untilReady(), failed]);
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this;
  }

  async #untilReady() {
    const { ready, startTimeoutMs } = this.#options;
    const deadline = Date.now() + startTimeoutMs;
    let reason;
    while (this.running && Date.now() < deadline) {
      try {
        await ready();
        if (this.running) return;
      } catch (error) {
        reason = error;
        await sleep(20);
      }
    }
    const what = this.running ? `was not ready within ${startTimeoutMs} ms` : 'ended while starting';
    throw new Error(`${this.name} on port ${this.port} ${what}:\n${this.log}`, { cause: reason });
  }

  /** Freezes every process of the server: connections stay open and nothing answers. */
  pause() {
    // The first round stops the process that makes the others; what it made since it was asked for them is in a later one.
    for (let before = -1, now = 0; before !== now; before = now, now = this.pids.length) this.#signalAll('SIGSTOP');
    this.#signalAll('SIGSTOP');
  }

  resume() {
    this.#signalAll('SIGCONT');
  }

  /** Ends it at once, as a crash would. Folder and port are kept for `restart()`. */
  async kill() {
    this.pause(); // nothing is forked between the list and the signal
    const { pids } = this;
    this.#signalAll('SIGKILL');
    await this.#untilEnded(5_000);
    // Until the last of its processes is gone it may hold what the next start needs.
    for (const deadline = Date.now() + 5_000; pids.some(isAlive) && Date.now() < deadline;) await sleep(5);
  }

  /** Ends it as an administrator would. Folder and port are kept for `restart()`. */
  async halt() {
    if (!this.running) return;
    this.resume();
    process.kill(this.#child.pid, this.#options.stopSignal);
    if (!(await this.#untilEnded(10_000))) await this.kill();
  }

  /** Starts it on the same port and folder, ending it first where it runs. */
  async restart() {
    await this.halt();
    return this.start();
  }

  /** Ends it and removes its folder. May be called again. */
  async stop() {
    await this.halt();
    live.delete(this);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** What is left to do when our own process ends without having stopped it. */
  abandon() {
    this.#signalAll('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #signalAll(signal) {
    for (const pid of this.pids) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // ended between being listed and now
      }
    }
  }

  async #untilEnded(withinMs) {
    const deadline = Date.now() + withinMs;
    while (this.running && Date.now() < deadline) await sleep(5);
    return !this.running;
  }
}

/** `setpriv` becomes the server (same process id), having asked the kernel to end it when we end. */
function tiedToUs(command, args, user) {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  if (!setpriv) return [command, args];
  const identity = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : [];
  return [setpriv, ['--pdeathsig', 'KILL', ...identity, command, ...args]];
}

/** A process that has ended, and that nobody has asked about yet, is not. */
function isAlive(pid) {
  return processes().some((entry) => entry.pid === pid && !entry.ended);
}

function childrenOf(parent) {
  return processes()
    .filter((entry) => entry.parent === parent)
    .map((entry) => entry.pid);
}

function processes() {
  if (process.platform === 'linux')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap(fromProc);
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number)).map(([pid, parent]) => ({ pid, parent }));
}

function fromProc(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid: Number(pid), parent: Number(parent), ended: state === 'Z' }];
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return []; // ended meanwhile
    throw error;
  }
}

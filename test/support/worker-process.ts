import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A child process that speaks in lines. */
export class WorkerProcess {
  /** What it has said. */
  readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private errors = '';
  private heard: () => void = () => undefined;

  constructor(script: string, args: readonly string[]) {
    this.child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.child.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    const reader = createInterface({ input: this.child.stdout! });
    reader.on('line', (line) => {
      this.lines.push(line);
      this.heard();
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    void this.ended.then(() => this.heard());
  }

  /** Waits for a line that begins with this word, and gives the rest of it. */
  async hear(start: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((said) => said === start || said.startsWith(`${start} `));
      if (line !== undefined) return line.slice(start.length).trim();
      if (this.hasEnded) throw new Error(`The worker ended without saying "${start}": ${this.errors}`);
      await new Promise<void>((resolve) => (this.heard = resolve));
    }
  }

  /** Writes a line to it. */
  say(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the system has stopped it. */
  async stopped(): Promise<void> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1');
      if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return;
      if (this.hasEnded) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`The worker was not stopped: ${this.errors}`);
  }

  /** Waits for its end; an error where it failed by itself. */
  async end(): Promise<void> {
    const code = await this.ended;
    if (code !== 0 && this.child.signalCode === null) throw new Error(`The worker failed: ${this.errors}`);
  }

  /** Ends it without a warning. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect } from '@jest/globals';
import type { SessionStore } from 'nestjs-keycard';

const PROCESSES = 4;

export interface CountingUp {
  /** Opens a store and calls `countUp()` of counting-worker.mjs. */
  readonly script: string;
  readonly args: readonly string[];
  readonly id: string;
  /** How often each process adds one. */
  readonly times: number;
  /** Called once each process has opened its store; gives the test's own. */
  open(): Promise<SessionStore>;
  /** Of the session that they count in, beside `views`. */
  readonly data?: object;
  readonly principal?: string;
}

/**
 * Lets four processes count in one session, and expects that nothing is lost. Each is certain to meet another's write: the session is changed
 * once while all four hold what they read.
 */
export async function countUpInProcesses({
  script,
  args,
  id,
  times,
  open,
  data = {},
  principal,
}: CountingUp): Promise<SessionStore> {
  const options = { execArgv: ['--no-warnings'], env: { ...process.env, NODE_OPTIONS: '' } };
  const workers = Array.from({ length: PROCESSES }, () => fork(script, args, options));
  try {
    await Promise.all(workers.map(message));
    const store = await open();
    const record = (more: object) => ({
      text: JSON.stringify({ views: 0, ...more, ...data }),
      expiresAt: Date.now() + 3_600_000,
      principal,
    });
    await store.create(id, record({}));
    await saidBy(workers, 'read');
    expect(await store.replace(id, record({ changed: true }), (await store.load(id))!.revision)).toBe('ok');
    const reports = (await saidBy(workers, 'go')) as { conflicts: number }[];
    expect(JSON.parse((await store.load(id))!.text)).toMatchObject({ views: PROCESSES * times, changed: true });
    expect(Math.min(...reports.map(({ conflicts }) => conflicts))).toBeGreaterThan(0);
    return store;
  } finally {
    for (const worker of workers) worker.kill();
  }
}

/** What each answers to a word. */
function saidBy(workers: readonly ChildProcess[], word: string): Promise<unknown[]> {
  const answers = workers.map(message);
  for (const worker of workers) worker.send(word);
  return Promise.all(answers);
}

async function message(worker: ChildProcess): Promise<unknown> {
  const ended = once(worker, 'exit').then(([code]) => Promise.reject(new Error(`The worker ended with ${code}.`)));
  const [said] = (await Promise.race([once(worker, 'message'), ended])) as [unknown];
  return said;
}

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** `unknown`: it runs on another machine or in another container, where a process id says nothing here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/**
 * Who made a temporary file or a claim: the world in which process ids mean something (machine, boot, container),
 * the process, when it started (ids are used again), and a random part for each store.
 */
export function newOwner(): string {
  return `${world}.${process.pid}.${statOf(process.pid)?.start ?? '0'}.${randomBytes(4).toString('hex')}`;
}

/** Whether the process behind an owner still can do anything. A stopped one can, a zombie can't. */
export function livenessOf(owner: string): Liveness {
  const [itsWorld, pid, start] = owner.split('.');
  if (itsWorld !== world || !/^\d+$/.test(pid ?? '')) return 'unknown';
  if (!exists(Number(pid))) return 'dead';
  // Where /proc hides the processes of others, or there is none, the process id alone has to do.
  const stat = statOf(Number(pid));
  if (stat === undefined || start === '0') return 'alive';
  return stat.start !== start || stat.state === 'Z' || stat.state === 'X' ? 'dead' : 'alive';
}

const world = createHash('sha256')
  .update([hostname(), firstLine('/proc/sys/kernel/random/boot_id'), linkOf('/proc/self/ns/pid')].join('\n'))
  .digest('hex')
  .slice(0, 8);

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The name in parentheses may hold anything, so the fields count from the last closing one: 3 is the state, 22 the start. */
function statOf(pid: number): { readonly state: string; readonly start: string } | undefined {
  const line = firstLine(`/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state === undefined || start === undefined ? undefined : { state, start };
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, 'latin1').split('\n', 1)[0]!;
  } catch {
    // Not Linux, or not for us to see: an empty line is what callers take for "unknown".
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // As above.
    return '';
  }
}

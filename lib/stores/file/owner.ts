import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** `unknown`: the process runs on another machine or in another container, so its process id can't be checked. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/**
 * Identifies the process that made a temporary file or a claim: the scope of its process id (machine, boot, container),
 * the process id, its start time (ids are reused), and a random part for each store.
 */
export function newOwner(): string {
  return `${world}.${process.pid}.${statOf(process.pid)?.start ?? '0'}.${randomBytes(4).toString('hex')}`;
}

/** Whether the owner's process can still act. A stopped process can, a zombie can't. */
export function livenessOf(owner: string): Liveness {
  const [itsWorld, pid, start] = owner.split('.');
  if (itsWorld !== world || !/^\d+$/.test(pid ?? '')) return 'unknown';
  if (!exists(Number(pid))) return 'dead';
  // If there is no /proc, or it hides other users' processes, only the process id is checked.
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

/**
 * The name in parentheses may contain anything, so fields are counted from the last closing one: 3 is the state, 22 the
 * start time.
 */
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
    // Not on Linux, or not readable: callers treat an empty line as unknown.
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Likewise.
    return '';
  }
}

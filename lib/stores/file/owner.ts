import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
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

/** Whether the owner of a file is dead; in another container, whether the file is older than that, in ms. */
export function isAbandoned(owner: string, path: string, foreignAge: number): boolean {
  const liveness = livenessOf(owner);
  if (liveness !== 'unknown') return liveness === 'dead';
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > foreignAge;
}

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

const firstLine = (path: string): string => ifReadable(() => readFileSync(path, 'latin1').split('\n', 1)[0]!);

/** Empty if the system is not Linux, or does not let this process read it. */
function ifReadable(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

const world = createHash('sha256')
  .update(
    [
      hostname(),
      firstLine('/proc/sys/kernel/random/boot_id'),
      ifReadable(() => readlinkSync('/proc/self/ns/pid')),
    ].join('\n'),
  )
  .digest('hex')
  .slice(0, 8);

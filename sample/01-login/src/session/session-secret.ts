import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const path = join(import.meta.dirname, '..', '..', '.session-secret');

/**
 * `SESSION_SECRET`, else a secret made at the first start and kept in a file that only its owner may read, so that a
 * restart keeps the sessions. In production a secret comes from the environment or a vault.
 */
export function sessionSecret(): string {
  return process.env.SESSION_SECRET ?? keptSecret() ?? makeSecret();
}

function keptSecret(): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Linked into place whole: of two processes that start at once one makes the secret, and both read that one. */
function makeSecret(): string {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(path, 'utf8');
}

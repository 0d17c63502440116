/** Installs Debian packages, where that needs no question: as root, with apt-get. */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { findProgram } from './process.mjs';

const run = promisify(execFile);
const POLICY = '/usr/sbin/policy-rc.d';

export function canInstall() {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
}

/** Installs these packages without starting the services they bring. Gives `{ package: reason }` for what failed. */
export async function installPackages(packages) {
  const lift = forbidServices();
  try {
    await aptGet('update');
    try {
      await install(packages);
      return {};
    } catch {
      return await oneByOne(packages); // one that doesn't exist here mustn't keep the others away
    }
  } catch (error) {
    return Object.fromEntries(packages.map((name) => [name, reasonOf(error)]));
  } finally {
    lift();
  }
}

async function oneByOne(packages) {
  const failed = {};
  for (const name of packages) {
    try {
      await install([name]);
    } catch (error) {
      failed[name] = reasonOf(error);
    }
  }
  return failed;
}

const install = (packages) => aptGet('install', '-y', '--no-install-recommends', ...packages);

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=5', ...args], {
    env,
    maxBuffer: 64 << 20,
  });
}

const reasonOf = (error) => (error.stderr || error.message).trim().split('\n').at(-1);

/** Debian asks this file whether a package may start its service; the tests start their own. */
function forbidServices() {
  if (existsSync(POLICY)) return () => {};
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const lift = () => rmSync(POLICY, { force: true });
  process.once('exit', lift);
  return () => {
    process.off('exit', lift);
    lift();
  };
}

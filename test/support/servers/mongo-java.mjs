/**
 * mongo-java-server speaks MongoDB's wire protocol, with atomic updates, on H2: for machines that can't have mongod.
 * Maven fetches it once, with checksums verified, and javac compiles the launcher beside its pom.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, isProgram } from './process.mjs';

const run = promisify(execFile);
const sources = join(import.meta.dirname, 'mongo-java');

/** Where the built program is kept; it outlives `npm ci`. */
export function mongoJavaPath() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'nestjs-keycard', 'mongo-java-server-1.47.0', 'mongo-java-server');
}

/** Whether it can be built here. */
export function hasJava() {
  return ['java', 'javac', 'mvn'].every((name) => findProgram(name));
}

/** Builds it, or finds it built. @throws where Maven's repository is not reached, or a checksum is wrong. */
export async function buildMongoJava() {
  const target = mongoJavaPath();
  if (isProgram(target)) return target;
  const folder = dirname(target);
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}-`);
  try {
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${partial}`];
    // -C: a wrong checksum is an error
    await run('mvn', ['-B', '-q', '-C', '-f', join(sources, 'pom.xml'), ...copy]);
    await run('javac', ['-d', partial, '-cp', join(partial, '*'), join(sources, 'TestMongo.java')]);
    const memory = '-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1';
    const script = `#!/bin/sh\nexec java ${memory} -cp "${folder}:${folder}/*" TestMongo "$@"\n`;
    await writeFile(join(partial, 'mongo-java-server'), script, { mode: 0o755 });
    await rename(partial, folder).catch((error) => {
      if (!isProgram(target)) throw error; // else another process has built it meanwhile
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return target;
}

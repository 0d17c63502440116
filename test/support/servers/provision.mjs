/**
 * Provides every server that the full run needs, for each in this order: one that its environment variable names; a
 * private one from a program on the machine; one from a program that is installed or built first; else it's missing.
 */
import { catalog, lookUp, serverNames } from './catalog.mjs';
import { canInstall, installPackages } from './install.mjs';

/** Gives `{ provided, missing, env, stop }`. Never rejects because a server is missing. */
export async function provision({ names = serverNames, install = true } = {}) {
  const reasons = install ? await installMissing(names) : new Map();
  const provided = [];
  const missing = [];
  const running = [];
  const starting = new Map();

  const provide = async (name) => {
    const found = lookUp(name);
    if (found.missing) throw new Error(reasons.get(name) ?? found.missing);
    const { start, needs } = catalog[name];
    if (found.from === 'env' || !start) return { url: found.at, how: found.from === 'env' ? 'given' : found.at };
    const server = await start(needs && (await begin(needs)).url);
    running.push(server);
    return { url: server.url, how: `${server.url}, started with ${found.at}` };
  };
  const begin = (name) => {
    if (!starting.has(name)) starting.set(name, provide(name));
    return starting.get(name);
  };

  await Promise.all(
    names.map((name) =>
      begin(name).then(
        ({ url, how }) => provided.push({ name, url, how }),
        (error) => missing.push({ name, reason: error.message }),
      ),
    ),
  );
  return { provided, missing, env: environmentOf(provided), stop: () => stopAll(running) };
}

/** Installs what has no program yet, then builds what has to be built. Gives the reason by name where that failed. */
async function installMissing(names) {
  const reasons = new Map();
  const wanted = names.filter((name) => lookUp(name).missing && !process.env[catalog[name].programEnv]);
  const packagesFor = (name) => {
    const { debian, build, buildTools = [] } = catalog[name];
    return [...(debian ? [debian] : []), ...(build?.() ? [] : buildTools)];
  };
  const needed = new Map(wanted.map((name) => [name, packagesFor(name)]));
  const packages = [...new Set([...needed.values()].flat())];
  if (packages.length > 0 && canInstall()) {
    const failed = await installPackages(packages);
    for (const [name, each] of needed) {
      const missed = each.find((one) => failed[one]);
      if (missed) reasons.set(name, `installing ${missed} failed: ${failed[missed]}`);
    }
  }
  await Promise.all(
    wanted.map((name) =>
      catalog[name]
        .build?.()?.()
        .catch((error) => reasons.set(name, `building it failed: ${error.message}`)),
    ),
  );
  return reasons;
}

function environmentOf(provided) {
  const pairs = provided.flatMap(({ name, url }) => {
    const { env, program, programEnv } = catalog[name];
    const path = program();
    return [...(path ? [[programEnv, path]] : []), [env, url]];
  });
  return Object.fromEntries(pairs);
}

async function stopAll(running) {
  const results = await Promise.allSettled(running.toReversed().map((server) => server.stop()));
  const failed = results.filter((result) => result.status === 'rejected').map((result) => result.reason);
  if (failed.length > 0) throw new AggregateError(failed, 'Some servers could not be stopped.');
}

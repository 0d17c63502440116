/**
 * Starts a server when the first spec asks for it and shares it with the rest of the run. Lives in Jest's main process
 * (global-setup.mjs); specs, which run in workers, ask over HTTP on 127.0.0.1.
 */
import { createServer } from 'node:http';
import { catalog, lookUp } from './catalog.mjs';

export async function startBroker() {
  const starting = new Map();

  const urlOf = async (name) => {
    const found = lookUp(name);
    if (found.missing) throw new Error(`${name} is missing: ${found.missing}.`);
    const { start, needs } = catalog[name];
    if (found.from === 'env' || !start) return found.at;
    if (!starting.has(name)) starting.set(name, needs ? urlOf(needs).then(start) : start());
    return (await starting.get(name)).url;
  };

  const listener = createServer((request, response) => {
    response.setHeader('Connection', 'close');
    urlOf(request.url.slice(1)).then(
      (url) => response.end(url),
      (error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise((resolve, reject) => listener.once('error', reject).listen(0, '127.0.0.1', resolve));
  listener.unref();

  return {
    address: `http://127.0.0.1:${listener.address().port}`,
    urlOf,
    async stop() {
      listener.close();
      const started = await Promise.allSettled(starting.values());
      await Promise.all(started.map((result) => result.value?.stop()));
    },
  };
}

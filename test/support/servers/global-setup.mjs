/** Jest's globalSetup: nothing is started yet; the broker waits for specs to ask. Costs a few milliseconds. */
import { startBroker } from './broker.mjs';
import { requiredServers } from './catalog.mjs';

export default async function globalSetup() {
  requiredServers(); // an unknown name in KEYCARD_REQUIRE fails here, at once
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ]) {
    process.once(signal, () => process.exit(128 + number)); // what still runs is ended on 'exit'
  }
  globalThis.keycardBroker = await startBroker();
  process.env.KEYCARD_BROKER = globalThis.keycardBroker.address;
}

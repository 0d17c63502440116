/** Jest's globalSetup: nothing is started yet; the broker waits for specs to ask. Costs a few milliseconds. */
import { startBroker } from './broker.mjs';
import { requiredServers } from './catalog.mjs';

export default async function globalSetup() {
  requiredServers(); // an unknown name in KEYCARD_REQUIRE fails here, at once
  globalThis.keycardBroker = await startBroker();
  process.env.KEYCARD_BROKER = globalThis.keycardBroker.address;
}

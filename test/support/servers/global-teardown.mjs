/** Jest's globalTeardown: ends every server that the broker started. */
export default async function globalTeardown() {
  await globalThis.keycardBroker?.stop();
}

/**
 * What a worker of `countUpInProcesses()` does once its store is open: adds one to the key `views` of a session, so many times, by
 * compare-and-swap; then tells how often somebody else was faster. The first swap is one of what it read while all did.
 */
export async function countUp(store, id, times) {
  const hear = () => new Promise((resolve) => process.once('message', resolve));
  process.send('ready');
  await hear();
  let found = await store.load(id);
  process.send('read');
  await hear();
  let conflicts = 0;
  for (let done = 0; done < times;) {
    const { text, expiresAt, revision, principal } = found;
    const data = JSON.parse(text);
    data.views += 1;
    const record = { text: JSON.stringify(data), expiresAt, principal: principal ?? data.__keycard?.p };
    const result = await store.replace(id, record, revision);
    if (result === 'ok') done += 1;
    else if (result === 'conflict') conflicts += 1;
    else throw new Error(`It is ${result}.`);
    found = await store.load(id);
  }
  process.send({ conflicts });
}

import type { Collection } from 'mongodb';
import { serverCode } from './mongo-errors.js';
import type { SessionDocument } from './session-document.js';

/** Creates the indexes. Returns whether the server removes expired sessions by itself. */
export async function makeIndexes(
  collection: Collection<SessionDocument>,
  warn: (message: string) => void,
): Promise<boolean> {
  await attempt(
    () => collection.createIndex({ 'keycard.p': 1, _id: 1 }, { name: 'keycard_principal', sparse: true }),
    (reason) =>
      warn(
        `MongoDB could not create the index for a principal's sessions (${reason}), so finding them reads all sessions. Let the user create indexes.`,
      ),
  );
  return attempt(
    () => collection.createIndex({ expires: 1 }, { name: 'expires_1', expireAfterSeconds: 0 }),
    (reason) =>
      warn(
        `MongoDB could not create a TTL index (${reason}), so the store removes expired sessions itself, every "pruneInterval".`,
      ),
  );
}

/** If the server refuses an index, that is a warning; if it can't be reached, that is an error. */
async function attempt(make: () => Promise<unknown>, refused: (reason: string) => void): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (serverCode(error) === undefined) throw error;
    refused((error as Error).message);
    return false;
  }
}

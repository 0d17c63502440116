import type { Collection } from 'mongodb';
import { serverCode } from './mongo-errors.js';
import type { SessionDocument } from './session-document.js';

/** Makes the indexes. Gives whether the server removes expired sessions by itself. */
export async function makeIndexes(
  collection: Collection<SessionDocument>,
  warn: (message: string) => void,
): Promise<boolean> {
  await attempt(
    () => collection.createIndex({ 'keycard.p': 1, _id: 1 }, { name: 'keycard_principal', sparse: true }),
    (reason) =>
      warn(`MongoDB made no index for finding a principal's sessions (${reason}): finding them reads all sessions.`),
  );
  return attempt(
    () => collection.createIndex({ expires: 1 }, { name: 'expires_1', expireAfterSeconds: 0 }),
    (reason) =>
      warn(
        `MongoDB made no TTL index (${reason}): the store removes expired sessions itself, as "pruneInterval" says.`,
      ),
  );
}

/** The server's refusal is a shortcoming to be told; that it can't be reached is an error. */
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

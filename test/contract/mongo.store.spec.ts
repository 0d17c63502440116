import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { MongoStore } from '../../lib/stores/mongo/index.js';
import { storeContract } from '../../lib/testing/store-contract.js';
import { describeWithServer, type SharedServer, uniqueName } from '../support/servers/available.js';

const runner = { describe, it, expect, beforeEach, afterEach };

function contractOn(server: SharedServer, stringify: boolean): void {
  storeContract({
    name: `MongoStore with stringify ${stringify}`,
    runner,
    exactText: stringify,
    create: ({ clock }) => {
      const client = new MongoClient(server.url);
      const collection = client.db('keycard').collection(uniqueName('contract'));
      const make = () => new MongoStore({ collection, stringify, clock, pruneInterval: false });
      return {
        store: make(),
        reopen: make,
        corrupt: async (id, text) => {
          await collection.updateOne({ _id: id as never }, { $set: { session: text } });
        },
        close: async () => {
          await collection.drop();
          await client.close();
        },
      };
    },
  });
}

describeWithServer('mongo', (server) => {
  contractOn(server, true);
  contractOn(server, false);
});

import { MongoStore as ConnectMongo } from 'connect-mongo';
import { MongoClient } from 'mongodb';
import { MongoStore } from 'nestjs-keycard/mongo';
import { describe } from '@jest/globals';
import { interopSuite } from '../../support/interop/interop-suite.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

describeWithServer(
  'mongo',
  (server) =>
    describe.each([true, false])('stringify %s', (stringify) =>
      interopSuite(async () => {
        const collectionName = uniqueName('interop');
        const client = await new MongoClient(server.url).connect();
        const peer = ConnectMongo.create({
          client,
          dbName: 'keycard',
          collectionName,
          stringify,
          autoRemove: 'disabled',
        });
        const ours = new MongoStore({ client, dbName: 'keycard', collectionName, stringify, pruneInterval: false });
        await ours.open();
        return {
          peer,
          ours,
          close: async () => {
            await ours.close();
            await client.db('keycard').collection(collectionName).drop();
            await client.close();
          },
        };
      }),
    ),
  'between connect-mongo and MongoStore',
);

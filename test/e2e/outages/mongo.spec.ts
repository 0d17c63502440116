import { MongoClient } from 'mongodb';
import { MongoStore } from 'nestjs-keycard/mongo';
import { outageSuite } from '../../support/outage-suite.js';
import { describeWithProgram } from '../../support/servers/available.js';
import { startMongo } from '../../support/servers/mongo.mjs';

describeWithProgram('mongo', () =>
  outageSuite(() => startMongo(), {
    'a client of the app': (url) => {
      const client = new MongoClient(url);
      return { store: new MongoStore({ client, pruneInterval: false }), close: () => client.close() };
    },
  }),
);

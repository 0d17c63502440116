import { MongoClient } from 'mongodb';
import { MongoStore } from 'nestjs-keycard/mongo';
import { outageSuite } from '../../support/outage-suite.js';
import { describeWithProgram } from '../../support/servers/available.js';
import { startMongo } from '../../support/servers/mongo.mjs';

describeWithProgram('mongo', () =>
  outageSuite(() => startMongo(), {
    'a client of the app': (url) => {
      // As docs/stores/mongo.md advises.
      const client = new MongoClient(url, { heartbeatFrequencyMS: 500 });
      return { store: new MongoStore({ client, pruneInterval: false }), close: () => client.close() };
    },
  }),
);

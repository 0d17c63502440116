import { describe, expect, it } from '@jest/globals';
import { SessionRegistry } from 'nestjs-keycard';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, type TestApp } from '../../support/app.js';
import { graphqlServers } from '../../support/graphql-apps.js';
import { type GraphqlClient } from '../../support/graphql-client.js';
import { GraphqlFixture } from '../../support/graphql-fixture.js';
import { news, publish, subscribers } from '../../support/graphql-news.js';
import { until } from '../../support/until.js';

describe.each(graphqlServers)('the end of a session, $name', (server) => {
  const the = new GraphqlFixture(server);

  it.each<[string, (app: TestApp, client: GraphqlClient) => unknown]>([
    ['a logout', (app) => the.jar.fetch(`${app.url}/logout`, post())],
    ['a logout over the connection', (_, client) => void client.ask('mutation { logout }').catch(() => undefined)],
    ['revokeAll()', (app) => app.app.get(SessionRegistry).revokeAll('7')],
    [
      'revoke()',
      async ({ app }) => {
        const registry = app.get(SessionRegistry);
        await registry.revoke((await registry.list({ principal: '7' })).sessions[0]!.handle);
      },
    ],
    ['an eviction', (app) => the.login(app, '7', new Jar())],
    ['time', () => the.clock.advance(30 * 60_000)],
  ])('%s closes the connection with 4401, and its subscriptions end (#15.5)', async (how, end) => {
    const app = await the.start({ maxSessionsPerPrincipal: 1, idleTimeout: '30m' });
    await the.login(app);
    const client = await the.connect(app);
    const other = await the.connect(app, {}, await the.login(app, '8', new Jar()));
    void client
      .events('subscription { news { text } }')
      .next()
      .catch(() => undefined);
    await subscribers(1);
    await end(app, client);
    expect(await client.closed).toBe(4401);
    await until(() => news.listenerCount('news') === 0);
    if (how !== 'time') expect(await other.ask('{ who }')).toMatchObject({ data: { who: '8 string' } });
  });

  it('an end in another process closes it within "revalidate" (#15.5)', async () => {
    const app = await the.start();
    const elsewhere = await the.start();
    await the.login(app);
    const client = await the.connect(app);
    await elsewhere.app.get(SessionRegistry).revokeAll('7');
    the.clock.advance(5_000);
    expect(await client.closed).toBe(4401);
  });

  it('operations of a client extend the idle timeout; events do not (#15.5)', async () => {
    const app = await the.start({ idleTimeout: '10m', touchInterval: '1m' });
    await the.login(app);
    const client = await the.connect(app);
    for (let round = 0; round < 3; round += 1) {
      the.clock.advance(9 * 60_000);
      expect(await client.ask('{ __typename }')).toMatchObject({ data: { __typename: 'Query' } });
    }
    const events = client.events('subscription { news { text } }');
    const next = events.next();
    await subscribers(1);
    the.clock.advance(9 * 60_000);
    publish('news', 'hello');
    await next;
    the.clock.advance(60_000);
    expect(await client.closed).toBe(4401);
  });

  it('a session is no longer watched when its client has closed the connection (#15.5)', async () => {
    const app = await the.start();
    await the.login(app);
    const watch = watchOf(app.app.get(SessionManager));
    const client = await the.connect(app);
    expect(watch.size).toBe(1);
    await client.close();
    await until(() => watch.size === 0);
  });
});

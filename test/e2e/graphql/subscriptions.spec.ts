import { describe, expect, it } from '@jest/globals';
import { SessionStoreError } from 'nestjs-keycard';
import { withSubscriptionSessions } from 'nestjs-keycard/websockets';
import { Jar, post } from '../../support/app.js';
import { graphqlServers, type OwnHandlers } from '../../support/graphql-apps.js';
import { type GraphqlAnswer } from '../../support/graphql-client.js';
import { GraphqlFixture } from '../../support/graphql-fixture.js';
import { filtered, news, publish, subscribers } from '../../support/graphql-news.js';
import { until } from '../../support/until.js';

const extensions = (answer: GraphqlAnswer) => answer.errors?.[0]?.extensions;

describe.each(graphqlServers)('$name', (server) => {
  const the = new GraphqlFixture(server);

  it('gives resolvers the session of the cookie, and services theirs (#15.5)', async () => {
    const app = await the.start();
    expect(await (await the.connect(app)).ask('{ who current }')).toMatchObject({
      data: { who: 'nobody string', current: 'nobody' },
    });
    await the.login(app);
    expect(await (await the.connect(app)).ask('{ who current }')).toMatchObject({
      data: { who: '7 string', current: '7' },
    });
  });

  it('a subscription stands behind the guard and its decorators (#15.5)', async () => {
    const app = await the.start();
    const refused = { code: 'UNAUTHENTICATED', reason: 'login-required' };
    expect(extensions(await (await the.connect(app)).ask('subscription { guarded { text } }'))).toMatchObject(refused);
    await the.login(app);
    const client = await the.connect(app);
    the.clock.advance(11 * 60_000);
    expect(extensions(await client.ask('subscription { recent { text } }'))).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'recent-login-required',
    });
    const events = client.events('subscription { guarded { text } }');
    const first = events.next();
    await subscribers(1);
    publish('guarded', 'hello');
    expect((await first).value).toMatchObject({ data: { guarded: { text: 'hello' } } });
    expect(await the.data(app)).toMatchObject({ subscribed: true });
  });

  it('an event has the current session, and what its resolvers change is saved (#15.5)', async () => {
    const app = await the.start();
    await the.login(app);
    const client = await the.connect(app);
    const events = client.events('subscription { news { text heardBy } }');
    for (const name of ['Ann', 'Bob']) {
      await the.jar.fetch(`${app.url}/set`, post({ name }));
      the.clock.advance(5_000);
      const next = events.next();
      await subscribers(1);
      publish('news', 'hello');
      expect((await next).value).toMatchObject({ data: { news: { heardBy: `${name} 7` } } });
    }
    expect(await the.data(app)).toMatchObject({ heard: 2 });
  });

  it('an event has the session of its subscriber, also if another user publishes it, over a connection or over HTTP (#15.5)', async () => {
    const app = await the.start();
    await the.login(app);
    await the.jar.fetch(`${app.url}/set`, post({ name: 'Ann' }));
    const events = (await the.connect(app)).events('subscription { news { text heardBy } }');
    const other = await the.login(app, '8', new Jar());
    const teller = await the.connect(app, {}, other);
    const query = 'mutation { tell(text: "hello") }';
    for (const tell of [() => teller.ask(query), () => other.fetch(`${app.url}/graphql`, post({ query }))]) {
      const next = events.next();
      await subscribers(1);
      await tell();
      expect((await next).value).toMatchObject({ data: { news: { heardBy: 'Ann 7' } } });
    }
  });

  it('a filter sees the session, also when an HTTP request has changed it (#15.5)', async () => {
    const app = await the.start();
    await the.login(app);
    await the.jar.fetch(`${app.url}/set`, post({ room: 'red' }));
    const client = await the.connect(app);
    const events = client.events('subscription { mine { text } }');
    const next = async () => (await events.next()).value as GraphqlAnswer;
    let answer = next();
    await subscribers(1);
    publish('mine', 'for blue', 'blue');
    publish('mine', 'for red', 'red');
    expect(await answer).toMatchObject({ data: { mine: { text: 'for red' } } });
    answer = next();
    publish('mine', 'for blue', 'blue');
    await until(() => filtered.at(-1) === 'blue in red');
    await the.jar.fetch(`${app.url}/set`, post({ room: 'blue' }));
    the.clock.advance(5_000);
    publish('mine', 'for red again', 'red');
    publish('mine', 'for blue again', 'blue');
    expect(await answer).toMatchObject({ data: { mine: { text: 'for blue again' } } });
  });

  it('a mutation is saved before its answer leaves, and login() says that it needs a cookie (#15.5)', async () => {
    const app = await the.start();
    await the.login(app);
    const client = await the.connect(app);
    the.store.writeDelayMs = 20;
    expect(await client.ask('mutation { set(value: "kept") }')).toMatchObject({ data: { set: 'kept' } });
    expect(await the.data(app)).toMatchObject({ value: 'kept' });
    expect(await client.ask('{ value }')).toMatchObject({ data: { value: 'kept' } });
    const { errors } = await client.ask('mutation { login }');
    expect(errors![0]!.message).toMatch("a message over a WebSocket can't set a cookie");
  });

  it('if a save fails, the client gets an error in place of the answer, which says nothing about the store (#15.5)', async () => {
    const app = await the.start({ logger: { warn: () => undefined, error: () => undefined } });
    await the.login(app);
    const client = await the.connect(app);
    await client.ask('{ who }');
    the.store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED 10.0.0.5:6379');
    const answer = await client.ask('mutation { set(value: "lost") }');
    expect(answer).toMatchObject({
      data: null,
      errors: [{ message: 'The changes of this message could not be saved. Please try again.' }],
    });
    expect(extensions(answer)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    const subscribed = await client.ask('subscription { guarded { text } }');
    expect(extensions(subscribed)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(news.listenerCount('news')).toBe(0);
  });

  it('refuses a client without a session, or from another origin, before it can ask anything (#15.5)', async () => {
    const app = await the.start(
      { logger: { warn: () => undefined, error: () => undefined } },
      {
        sessions: { requireSession: true },
      },
    );
    const { session, origin, failed } = server.refusals;
    await expect(the.connect(app)).rejects.toThrow(session);
    await the.login(app);
    await expect(the.connect(app, { origin: 'https://evil.example' })).rejects.toThrow(origin);
    the.store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
    await expect(the.connect(app)).rejects.toThrow(failed);
    the.store.failure = undefined;
    expect(await (await the.connect(app, { origin: app.url })).ask('{ who }')).toMatchObject({
      data: { who: '7 string' },
    });
  });

  it('a function "origins" that throws refuses the client, and is logged (#15.5)', async () => {
    const logged: string[] = [];
    const origins = () => {
      throw new Error('of the app');
    };
    const logger = { warn: () => undefined, error: (message: string) => void logged.push(message) };
    const app = await the.start({ logger }, { sessions: { origins } });
    await expect(the.connect(app, { origin: app.url })).rejects.toThrow(server.refusals.origin);
    expect(logged).toEqual(['The function "origins" threw, so a client was not let in.']);
  });

  it("calls the app's own handlers, after the check, and keeps the app's own context (#15.5)", async () => {
    const calls: string[] = [];
    const own: OwnHandlers = {
      onConnect: () => {
        calls.push('connect');
        return { hello: true };
      },
      onDisconnect: () => void calls.push('disconnect'),
      context: () => ({ mine: 'own' }),
    };
    const app = await the.start({}, { sessions: { requireSession: true }, own });
    await expect(the.connect(app)).rejects.toThrow(server.refusals.session);
    expect(calls).toEqual([]);
    await the.login(app);
    const client = await the.connect(app);
    expect(await client.ask('{ who own }')).toMatchObject({ data: { who: '7 string', own: 'own' } });
    await client.close();
    await until(() => calls.length >= 2);
    expect(calls).toEqual(['connect', 'disconnect']);
  });

  it("may be refused by the app's own onConnect (#15.5)", async () => {
    const app = await the.start({}, { own: { onConnect: () => false } });
    await expect(the.connect(app)).rejects.toThrow(/\d{4}/);
  });

  it('without withSubscriptionSessions() the error says what to do (#15.5)', async () => {
    const app = await the.start({}, { sessions: false });
    const { errors } = await (await the.connect(app)).ask('{ who }');
    expect(errors![0]!.message).toMatch('give GraphQLModule its options through withSubscriptionSessions()');
    const guarded = await (await the.connect(app)).ask('subscription { guarded { text } }');
    expect(guarded.errors![0]!.message).toMatch('withSubscriptionSessions()');
  });
});

describe('withSubscriptionSessions()', () => {
  it('refuses options without subscriptions, and wrong ones of its own (#15.5)', () => {
    expect(() => withSubscriptionSessions({ autoSchemaFile: true })).toThrow(/without subscriptions; it takes/);
    const options = { subscriptions: { 'graphql-ws': true } };
    expect(() => withSubscriptionSessions(options, { origin: [] } as never)).toThrow(
      'withSubscriptionSessions() got "origin", which is no option of it',
    );
    expect(options).toEqual({ subscriptions: { 'graphql-ws': true } });
  });
});

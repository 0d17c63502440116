import { EventEmitter, on } from 'node:events';
import { Injectable, UseGuards } from '@nestjs/common';
import {
  Args,
  Context,
  Field,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CurrentSession,
  getSession,
  MemoryStore,
  RequireRecentLogin,
  Session,
  SessionGuard,
  SessionId,
  type SessionModuleOptions,
  SessionRegistry,
  SessionStoreError,
} from 'nestjs-keycard';
import { withSubscriptionSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { Jar, post, type TestApp } from '../../support/app.js';
import { type GraphqlAnswer, type GraphqlClient, connectGraphql } from '../../support/graphql-client.js';
import { graphqlServers, type GraphqlServer, type OwnHandlers } from '../../support/graphql-apps.js';
import { LoginController, ManualClock } from '../../support/login-app.js';
import { ObservedStore } from '../../support/observed-store.js';

type AnySession = Session<Record<string, unknown>>;

const news = new EventEmitter();
/** Whom events were for, and where the subscriber was. */
let filtered: string[] = [];
/** Subscribed, as far as the server is concerned. */
const subscribers = async (count: number) => {
  while (news.listenerCount('news') < count) await new Promise((resolve) => setTimeout(resolve, 5));
};
/** As pub/sub packages give their events: `return()` ends them at once. */
const newsOf = () => {
  const events = on(news, 'news');
  return {
    next: async () => {
      const { value, done } = (await events.next()) as IteratorResult<[unknown]>;
      return done ? { value: undefined, done } : { value: value[0], done };
    },
    return: () => events.return!(),
    throw: (error: unknown) => events.throw!(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};

@Injectable()
class WhoService {
  constructor(private readonly current: CurrentSession) {}
  async who() {
    return (await this.current.get()).info.principal ?? 'nobody';
  }
}

@ObjectType()
class News {
  @Field(() => String)
  text!: string;
  @Field(() => String, { nullable: true })
  who?: string;
}

@Resolver(() => News)
class NewsResolver {
  constructor(private readonly service: WhoService) {}

  @Query(() => String)
  who(@Session() session: AnySession, @SessionId() id: string | undefined) {
    return `${session.info.principal ?? 'nobody'} ${typeof id}`;
  }
  @Query(() => String)
  own(@Context('mine') mine: string) {
    return mine;
  }
  @Query(() => String)
  current() {
    return this.service.who();
  }
  @Mutation(() => String)
  async set(@Session() session: AnySession, @Args('value') value: string) {
    await Promise.resolve();
    session.value = value;
    return value;
  }
  @Mutation(() => String)
  async login(@Session() session: AnySession) {
    await session.login('8');
    return 'in';
  }
  @Mutation(() => String)
  async logout(@Session() session: AnySession) {
    await session.logout();
    return 'out';
  }
  @Subscription(() => News)
  news() {
    return newsOf();
  }
  @Subscription(() => News)
  @UseGuards(SessionGuard)
  guarded(@Session() session: AnySession) {
    session.subscribed = true;
    return newsOf();
  }
  @Subscription(() => News)
  @RequireRecentLogin('10m')
  recent() {
    return newsOf();
  }
  @Subscription(() => News, {
    filter: async ({ to }: { to: string }, _: unknown, context: object) => {
      const { room } = await getSession<Record<string, unknown>>(context);
      filtered.push(`${to} in ${room as string}`);
      return room === to;
    },
  })
  mine() {
    return newsOf();
  }
  @ResolveField(() => String)
  async heardBy(@Parent() _: News, @Session() session: AnySession) {
    session.heard = ((session.heard as number | undefined) ?? 0) + 1;
    return `${session.name as string} ${await this.service.who()}`;
  }
}

const publish = (name: string, text: string, to?: string): boolean => news.emit('news', { [name]: { text }, to });

const apps: TestApp[] = [];
const clients: GraphqlClient[] = [];
let clock: ManualClock;
let store: ObservedStore;
let jar: Jar;
beforeEach(() => {
  clock = new ManualClock();
  store = new ObservedStore(new MemoryStore({ clock }));
  jar = new Jar();
  filtered = [];
});
afterEach(async () => {
  store.failure = undefined;
  for (const client of clients.splice(0)) await client.close();
  for (const app of apps.splice(0)) await app.close();
  news.removeAllListeners();
});

const extensions = (answer: GraphqlAnswer) => answer.errors?.[0]?.extensions;

describe.each(graphqlServers)('$name', (server: GraphqlServer) => {
  const start = async (
    options: Partial<SessionModuleOptions> = {},
    sockets: Parameters<GraphqlServer['start']>[2] = {},
  ): Promise<TestApp> => {
    const module = { controllers: [LoginController], providers: [NewsResolver, WhoService] };
    const app = await server.start(module, { store, clock, ...options }, sockets);
    apps.push(app);
    return app;
  };
  const login = (app: TestApp, id = '7', as = jar) => as.fetch(`${app.url}/login`, post({ id }));
  const connect = async (app: TestApp, headers: Record<string, string> = {}, as = jar) => {
    const cookie = as.header === '' ? {} : { cookie: as.header };
    const client = await connectGraphql(app.url, { ...cookie, ...headers });
    clients.push(client);
    return client;
  };
  const data = async (app: TestApp) =>
    ((await (await jar.fetch(`${app.url}/me`)).json()) as { data: Record<string, unknown> }).data;

  it('gives resolvers the session of the cookie, and services theirs (#15.5)', async () => {
    const app = await start();
    expect(await (await connect(app)).ask('{ who current }')).toMatchObject({
      data: { who: 'nobody string', current: 'nobody' },
    });
    await login(app);
    expect(await (await connect(app)).ask('{ who current }')).toMatchObject({
      data: { who: '7 string', current: '7' },
    });
  });

  it('a subscription stands behind the guard and its decorators (#15.5)', async () => {
    const app = await start();
    const refused = { code: 'UNAUTHENTICATED', reason: 'login-required' };
    expect(extensions(await (await connect(app)).ask('subscription { guarded { text } }'))).toMatchObject(refused);
    await login(app);
    const client = await connect(app);
    clock.advance(11 * 60_000);
    expect(extensions(await client.ask('subscription { recent { text } }'))).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'recent-login-required',
    });
    const events = client.events('subscription { guarded { text } }');
    const first = events.next();
    await subscribers(1);
    publish('guarded', 'hello');
    expect((await first).value).toMatchObject({ data: { guarded: { text: 'hello' } } });
    expect(await data(app)).toMatchObject({ subscribed: true });
  });

  it('an event has the session as it is by then, and what its resolvers change is saved (#15.5)', async () => {
    const app = await start();
    await login(app);
    const client = await connect(app);
    const events = client.events('subscription { news { text heardBy } }');
    for (const name of ['Ann', 'Bob']) {
      await jar.fetch(`${app.url}/set`, post({ name }));
      clock.advance(5_000);
      const next = events.next();
      await subscribers(1);
      publish('news', 'hello');
      expect((await next).value).toMatchObject({ data: { news: { heardBy: `${name} 7` } } });
    }
    expect(await data(app)).toMatchObject({ heard: 2 });
  });

  it("a filter sees the session, also when another's request has changed it (#15.5)", async () => {
    const app = await start();
    await login(app);
    await jar.fetch(`${app.url}/set`, post({ room: 'red' }));
    const client = await connect(app);
    const events = client.events('subscription { mine { text } }');
    const next = async () => (await events.next()).value as GraphqlAnswer;
    let answer = next();
    await subscribers(1);
    publish('mine', 'for blue', 'blue');
    publish('mine', 'for red', 'red');
    expect(await answer).toMatchObject({ data: { mine: { text: 'for red' } } });
    answer = next();
    publish('mine', 'for blue', 'blue');
    while (filtered.at(-1) !== 'blue in red') await new Promise((resolve) => setTimeout(resolve, 5));
    await jar.fetch(`${app.url}/set`, post({ room: 'blue' }));
    clock.advance(5_000);
    publish('mine', 'for red again', 'red');
    publish('mine', 'for blue again', 'blue');
    expect(await answer).toMatchObject({ data: { mine: { text: 'for blue again' } } });
  });

  it('a mutation is saved before its answer leaves, and login() says that it needs a cookie (#15.5)', async () => {
    const app = await start();
    await login(app);
    const client = await connect(app);
    store.writeDelayMs = 20;
    expect(await client.ask('mutation { set(value: "kept") }')).toMatchObject({ data: { set: 'kept' } });
    expect(await data(app)).toMatchObject({ value: 'kept' });
    const { errors } = await client.ask('mutation { login }');
    expect(errors![0]!.message).toMatch("a message over a WebSocket can't set a cookie");
  });

  it('what can not be saved is an error in place of the answer, with no word of the store (#15.5)', async () => {
    const app = await start({ logger: { warn: () => undefined, error: () => undefined } });
    await login(app);
    const client = await connect(app);
    await client.ask('{ who }');
    store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED 10.0.0.5:6379');
    const answer = await client.ask('mutation { set(value: "lost") }');
    expect(answer).toMatchObject({
      data: null,
      errors: [{ message: 'What this message changed could not be saved. Please try again.' }],
    });
    expect(extensions(answer)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    const subscribed = await client.ask('subscription { guarded { text } }');
    expect(extensions(subscribed)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(news.listenerCount('news')).toBe(0);
  });

  it('refuses who has no session, or comes from another origin, before anything is asked (#15.5)', async () => {
    const app = await start(
      { logger: { warn: () => undefined, error: () => undefined } },
      {
        sessions: { requireSession: true },
      },
    );
    const { session, origin, failed } = server.refusals;
    await expect(connect(app)).rejects.toThrow(session);
    await login(app);
    await expect(connect(app, { origin: 'https://evil.example' })).rejects.toThrow(origin);
    store.failure = new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED');
    await expect(connect(app)).rejects.toThrow(failed);
    store.failure = undefined;
    expect(await (await connect(app, { origin: app.url })).ask('{ who }')).toMatchObject({ data: { who: '7 string' } });
  });

  it('a function "origins" that throws lets nobody in, and is logged (#15.5)', async () => {
    const logged: string[] = [];
    const origins = () => {
      throw new Error('of the app');
    };
    const logger = { warn: () => undefined, error: (message: string) => void logged.push(message) };
    const app = await start({ logger }, { sessions: { origins } });
    await expect(connect(app, { origin: app.url })).rejects.toThrow(server.refusals.origin);
    expect(logged).toEqual(['The function "origins" threw, so a client was not let in.']);
  });

  it.each<[string, (app: TestApp, client: GraphqlClient) => unknown]>([
    ['a logout', (app) => jar.fetch(`${app.url}/logout`, post())],
    ['a logout over the connection', (_, client) => void client.ask('mutation { logout }').catch(() => undefined)],
    ['revokeAll()', (app) => app.app.get(SessionRegistry).revokeAll('7')],
    [
      'revoke()',
      async ({ app }) => {
        const registry = app.get(SessionRegistry);
        await registry.revoke((await registry.list({ principal: '7' })).sessions[0]!.handle);
      },
    ],
    ['an eviction', (app) => login(app, '7', new Jar())],
    ['time', () => clock.advance(30 * 60_000)],
  ])('%s closes the connection with 4401, and its subscriptions end (#15.5)', async (how, end) => {
    const app = await start({ maxSessionsPerPrincipal: 1, idleTimeout: '30m' });
    await login(app);
    const client = await connect(app);
    const other = await connect(app, {}, await loggedIn(app, '8'));
    void client
      .events('subscription { news { text } }')
      .next()
      .catch(() => undefined);
    await subscribers(1);
    await end(app, client);
    expect(await client.closed).toBe(4401);
    while (news.listenerCount('news') > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (how !== 'time') expect(await other.ask('{ who }')).toMatchObject({ data: { who: '8 string' } });
  });
  const loggedIn = async (app: TestApp, id: string): Promise<Jar> => {
    const own = new Jar();
    await login(app, id, own);
    return own;
  };

  it('an end in another process closes it within "revalidate" (#15.5)', async () => {
    const app = await start();
    const elsewhere = await start();
    await login(app);
    const client = await connect(app);
    await elsewhere.app.get(SessionRegistry).revokeAll('7');
    clock.advance(5_000);
    expect(await client.closed).toBe(4401);
  });

  it('what a client asks for moves the idle end; events do not (#15.5)', async () => {
    const app = await start({ idleTimeout: '10m', touchInterval: '1m' });
    await login(app);
    const client = await connect(app);
    for (let round = 0; round < 3; round += 1) {
      clock.advance(9 * 60_000);
      expect(await client.ask('{ __typename }')).toMatchObject({ data: { __typename: 'Query' } });
    }
    const events = client.events('subscription { news { text } }');
    const next = events.next();
    await subscribers(1);
    clock.advance(9 * 60_000);
    publish('news', 'hello');
    await next;
    clock.advance(60_000);
    expect(await client.closed).toBe(4401);
  });

  it('a session that is closed by its client is watched no longer (#15.5)', async () => {
    const app = await start();
    await login(app);
    const watch = watchOf(app.app.get(SessionManager));
    const client = await connect(app);
    expect(watch.size).toBe(1);
    await client.close();
    while (watch.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
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
    const app = await start({}, { sessions: { requireSession: true }, own });
    await expect(connect(app)).rejects.toThrow(server.refusals.session);
    expect(calls).toEqual([]);
    await login(app);
    const client = await connect(app);
    expect(await client.ask('{ who own }')).toMatchObject({ data: { who: '7 string', own: 'own' } });
    await client.close();
    while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(calls).toEqual(['connect', 'disconnect']);
  });

  it("may be refused by the app's own onConnect (#15.5)", async () => {
    const app = await start({}, { own: { onConnect: () => false } });
    await expect(connect(app)).rejects.toThrow(/\d{4}/);
  });

  it('without withSubscriptionSessions() the error says what to do (#15.5)', async () => {
    const app = await start({}, { sessions: false });
    const { errors } = await (await connect(app)).ask('{ who }');
    expect(errors![0]!.message).toMatch('give GraphQLModule its options through withSubscriptionSessions()');
    const guarded = await (await connect(app)).ask('subscription { guarded { text } }');
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

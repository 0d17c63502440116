import { ApolloDriver } from '@nestjs/apollo';
import { UseGuards } from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from '@jest/globals';
import { RequireRecentLogin, Session, SessionGuard, type SessionModuleOptions } from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import {
  callDoor,
  describeDoor,
  type DoorCall,
  DoorController,
  doorHandlers,
  type DoorSession,
  type Outcome,
} from '../../support/door-contract.js';
import { mercurius } from '../../support/graphql-apps.js';

type Data = Record<string, unknown>;

/** Values go as the text of their JSON, so that no type has to be told to GraphQL. */
@Resolver()
class DoorResolver {
  @Mutation(() => String)
  async call(@Session() session: DoorSession, @Args('name') name: string, @Args('body') body: string) {
    return JSON.stringify(await callDoor(session, name, body));
  }
  @Mutation(() => String)
  @UseGuards(SessionGuard)
  guarded(@Session() session: DoorSession) {
    return JSON.stringify(doorHandlers.guarded(session));
  }
  @Mutation(() => String)
  @UseGuards(SessionGuard)
  @RequireRecentLogin('10m')
  danger() {
    return '{}';
  }
  /** The fields of a query are resolved in parallel. */
  @Query(() => String)
  async mark(@Session() session: DoorSession, @Args('key') key: string) {
    await Promise.resolve();
    session[key] = true;
    return key;
  }
}

interface Answer {
  data: Record<string, string> | null;
  errors?: { message: string; extensions: { code?: string; reason?: string } }[];
}

async function ask(url: string, jar: Jar, query: string, variables: Data = {}): Promise<Answer> {
  return (await (await jar.fetch(`${url}/graphql`, post({ query, variables }))).json()) as Answer;
}

const apollo = () => Promise.resolve(ApolloDriver);

describe.each([
  ['Apollo on Express', () => new ExpressAdapter(), apollo],
  ['Apollo on Fastify', () => new FastifyAdapter(), apollo],
  ['Mercurius', () => new FastifyAdapter(), mercurius],
] as const)('%s', (name, adapter, driver) => {
  const start = async (options: Partial<SessionModuleOptions>): Promise<TestApp> =>
    startApp([DoorController], options, {
      adapter: adapter(),
      imports: [GraphQLModule.forRoot({ driver: await driver(), autoSchemaFile: true })],
      providers: [DoorResolver],
    });

  describeDoor({
    name,
    async start(options) {
      const app = await start(options);
      return {
        url: app.url,
        close: app.close,
        connect: async (jar) => ({
          async call(call: DoorCall, body = {}): Promise<Outcome> {
            const answer =
              call === 'guarded'
                ? await ask(app.url, jar, 'mutation { call: guarded }')
                : await ask(
                    app.url,
                    jar,
                    'mutation ($name: String!, $body: String!) { call(name: $name, body: $body) }',
                    {
                      name: call,
                      body: JSON.stringify(body),
                    },
                  );
            // An answer that could not be saved is none of GraphQL's: it has the message alone.
            if (answer.errors === undefined && answer.data === undefined)
              return { refused: (answer as unknown as { message: string }).message };
            const [error] = answer.errors ?? [];
            return error === undefined
              ? { value: JSON.parse(answer.data!.call!) }
              : { refused: error.extensions.reason ?? error.message };
          },
        }),
      };
    },
  });

  it('fields that are resolved in parallel share one session (#15.5)', async () => {
    const app = await start({});
    const jar = new Jar();
    await ask(app.url, jar, '{ a: mark(key: "one") b: mark(key: "two") c: mark(key: "three") }');
    const answer = await jar.fetch(`${app.url}/http/read`, post());
    expect(await answer.json()).toEqual({ one: true, two: true, three: true });
    await app.close();
  });

  it('refusals have extensions.code, and @RequireRecentLogin() holds on a mutation (#15.5)', async () => {
    let now = Date.now();
    const app = await start({ clock: { now: () => now } });
    const jar = new Jar();
    const refusal = async (query: string) => (await ask(app.url, jar, query)).errors?.[0]?.extensions;
    expect(await refusal('mutation { guarded }')).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'login-required' });
    await ask(app.url, jar, 'mutation { call(name: "login", body: "{\\"id\\":\\"7\\"}") }');
    expect(await refusal('mutation { danger }')).toBeUndefined();
    now += 11 * 60_000;
    expect(await refusal('mutation { danger }')).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'recent-login-required',
    });
    await app.close();
  });
});

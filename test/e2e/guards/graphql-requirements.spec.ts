import { type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getSession, Public, RequireSession, Session, SessionGuard } from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, LoginController } from '../../support/login-app.js';

let asked = 0;
const sessionsAsked = new Set<unknown>();
const hasNotVoted = (session: unknown) => {
  asked += 1;
  sessionsAsked.add(session);
  return (session as AnySession).voted !== true;
};

class StartOver implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const fresh = await (await getSession(context)).regenerate();
    await fresh.login('8');
    return true;
  }
}

@Resolver()
class VoteResolver {
  @Query(() => String)
  @Public()
  nothing() {
    return '';
  }
  @Mutation(() => String)
  @RequireSession(hasNotVoted)
  vote(@Session() session: AnySession) {
    session.voted = true;
    return 'voted';
  }
  @Mutation(() => String)
  @UseGuards(SessionGuard)
  @RequireSession(hasNotVoted)
  guardedTwice() {
    return 'inside';
  }
  @Mutation(() => String)
  @RequireSession(hasNotVoted)
  @UseGuards(StartOver)
  replaced() {
    return 'inside';
  }
}

describe.each([
  ['the route', []],
  ['the app and the route', [{ provide: APP_GUARD, useClass: SessionGuard }]],
])('a predicate under GraphQL, with the guard of %s', (_, guards) => {
  let server: TestApp;
  const jar = new Jar();
  const ask = async (query: string): Promise<unknown> => {
    const answer = await jar.fetch(`${server.url}/graphql`, post({ query }));
    const { data, errors } = (await answer.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
    return errors?.map((each) => each.extensions.code) ?? data;
  };
  beforeEach(async () => {
    asked = 0;
    sessionsAsked.clear();
    const imports = [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, csrfPrevention: false }),
    ];
    Public()(LoginController);
    server = await startApp([LoginController], {}, { imports, providers: [VoteResolver, ...guards] });
    await jar.fetch(`${server.url}/login`, post({ id: '7' }));
  });
  afterEach(() => server.close());

  it('is asked once for each call of a field, however many guards run (#15.5)', async () => {
    expect([await ask('mutation { guardedTwice }'), asked]).toEqual([{ guardedTwice: 'inside' }, 1]);
    expect([await ask('mutation { a: guardedTwice b: guardedTwice }'), asked]).toEqual([
      { a: 'inside', b: 'inside' },
      3,
    ]);
  });

  it('is asked about the session as the fields before have left it (#15.5)', async () => {
    expect([await ask('mutation { a: vote b: vote c: vote }'), asked]).toEqual([['FORBIDDEN'], 2]);
  });

  it('is asked about the session that a guard in between has started (#15.5)', async () => {
    expect(await ask('mutation { replaced }')).toEqual({ replaced: 'inside' });
    expect(sessionsAsked.size).toBe(guards.length + 1);
  });
});

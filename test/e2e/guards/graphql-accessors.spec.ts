import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { afterEach, expect, it } from '@jest/globals';
import { CurrentSession, Flash, FlashMessages, getSession, Principal, Session } from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';

@Injectable()
class Greeter {
  constructor(private readonly current: CurrentSession) {}
  async greet(): Promise<string> {
    return `Hello ${(await this.current.get()).info.principal ?? 'stranger'}`;
  }
}

class OwnGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await getSession(context)).info.principal === '7';
  }
}

@Resolver()
class GreetingResolver {
  constructor(private readonly greeter: Greeter) {}
  @Mutation(() => String)
  async login(@Session() session: Session, @Flash() flash: FlashMessages) {
    await session.login('7', {}, { remember: '30d' });
    await flash.add('notice', 'Welcome.');
    return 'in';
  }
  @Query(() => String)
  greeting() {
    return this.greeter.greet();
  }
  @Query(() => String)
  @UseGuards(OwnGuard)
  own(@Principal() id: string) {
    return id;
  }
  @Query(() => [String])
  notices(@Flash() flash: FlashMessages) {
    return flash.take('notice');
  }
}

let server: TestApp;
afterEach(() => server.close());

it.each(['eager', 'lazy'] as const)(
  'under GraphQL all accessors give the session of the request, load: %s (#16.1, #16.2)',
  async (load) => {
    const jar = new Jar();
    const imports = [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, csrfPrevention: false }),
    ];
    server = await startApp([], { load }, { imports, providers: [GreetingResolver, Greeter] });
    const ask = async (query: string): Promise<unknown> => {
      const answer = await jar.fetch(`${server.url}/graphql`, post({ query }));
      const { data, errors } = (await answer.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
      return errors?.[0]!.extensions.code ?? data;
    };
    expect(await ask('{ greeting }')).toEqual({ greeting: 'Hello stranger' });
    expect(await ask('{ own }')).toBe('FORBIDDEN');
    expect(await ask('mutation { login }')).toEqual({ login: 'in' });
    expect(jar.last[0]).toMatch(/; Expires=/);
    expect(await ask('{ own greeting }')).toEqual({ own: '7', greeting: 'Hello 7' });
    // Fields that are resolved at once share the session: one of them takes the message.
    const { a, b } = (await ask('{ a: notices b: notices }')) as { a: string[]; b: string[] };
    expect([...a, ...b]).toEqual(['Welcome.']);
    expect(await ask('{ notices }')).toEqual({ notices: [] });
  },
);

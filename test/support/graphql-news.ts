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
import { CurrentSession, getSession, RequireRecentLogin, Session, SessionGuard, SessionId } from 'nestjs-keycard';
import { LoginController } from './login-app.js';
import { until } from './until.js';

type AnySession = Session<Record<string, unknown>>;

export const news = new EventEmitter();
/** Whom events were for, and where the subscriber was. */
export const filtered: string[] = [];
/** Subscribed, as far as the server is concerned. */
export const subscribers = async (count: number) => {
  await until(() => news.listenerCount('news') >= count);
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
export class WhoService {
  constructor(private readonly current: CurrentSession) {}
  async who() {
    return (await this.current.get()).info.principal ?? 'nobody';
  }
}

@ObjectType()
export class News {
  @Field(() => String)
  text!: string;
  @Field(() => String, { nullable: true })
  who?: string;
}

@Resolver(() => News)
export class NewsResolver {
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
  @Mutation(() => Boolean)
  @UseGuards(SessionGuard)
  tell(@Args('text') text: string) {
    return publish('news', text);
  }
  @Query(() => String)
  value(@Session('value') value: string) {
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

export const publish = (name: string, text: string, to?: string): boolean =>
  news.emit('news', { [name]: { text }, to });

/** An app in which people log in over HTTP and hear news. */
export const newsModule = { controllers: [LoginController], providers: [NewsResolver, WhoService] };

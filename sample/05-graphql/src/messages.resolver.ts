import { Args, Field, Mutation, ObjectType, Resolver, Subscription } from '@nestjs/graphql';
import { EventEmitter, on } from 'node:events';
import { getSession, RequireSession, Session } from 'nestjs-keycard';

type ChatSession = Session<{ user?: { name: string }; room?: string }>;

@ObjectType()
class Message {
  @Field()
  readonly by!: string;
  @Field()
  readonly room!: string;
  @Field()
  readonly text!: string;
}

/** What an EventEmitter gives to an iterator. */
type Event = readonly [Message];

const HALL = 'hall';

/** For who is logged in alone. The room is kept in the session. */
@Resolver()
@RequireSession()
export class MessagesResolver {
  /** A real app has several processes, and pub/sub between them. */
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  @Mutation(() => String)
  enter(@Session() session: ChatSession, @Args('room') room: string) {
    session.room = room;
    return room;
  }

  @Mutation(() => Boolean)
  say(@Session() session: ChatSession, @Args('text') text: string) {
    const message: Message = { by: session.user!.name, room: session.room ?? HALL, text };
    return this.emitter.emit('message', message);
  }

  /** Those of the room that the subscriber is in by then. */
  @Subscription(() => Message, {
    resolve: ([message]: Event) => message,
    filter: async ([message]: Event, _: unknown, context: object) => {
      const { room = HALL } = await getSession<{ room?: string }>(context);
      return message.room === room;
    },
  })
  messages() {
    return on(this.emitter, 'message');
  }
}

import { Args, Field, Mutation, ObjectType, Query, Resolver, Subscription } from '@nestjs/graphql';
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

/** Only for visitors who are logged in. The room is kept in the session. */
@Resolver()
@RequireSession()
export class MessagesResolver {
  /** A real app has several processes, and pub/sub between them. */
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  @Query(() => String)
  room(@Session('room') room = HALL) {
    return room;
  }

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

  /** The messages of the room that the subscriber is in at that moment. */
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

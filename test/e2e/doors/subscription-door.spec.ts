import { UseGuards } from '@nestjs/common';
import { Args, Query, Resolver, Subscription } from '@nestjs/graphql';
import { Session, SessionGuard } from 'nestjs-keycard';
import { callDoor, describeDoor, doorHandlers, type DoorSession, type Outcome } from '../../support/door-contract.js';
import { graphqlServers } from '../../support/graphql-apps.js';
import { connectGraphql, type GraphqlAnswer } from '../../support/graphql-client.js';

/** A subscription of one event: values go as the text of their JSON, so that no type has to be told to GraphQL. */
async function* once(name: string, value: unknown): AsyncGenerator<object> {
  yield await Promise.resolve({ [name]: JSON.stringify(value) });
}

@Resolver()
class SubscriptionDoor {
  @Query(() => String)
  needed() {
    return 'by every schema';
  }
  @Subscription(() => String)
  async call(@Session() session: DoorSession, @Args('name') name: string, @Args('body') body: string) {
    return once('call', await callDoor(session, name, body));
  }
  @Subscription(() => String)
  @UseGuards(SessionGuard)
  guarded(@Session() session: DoorSession) {
    return once('guarded', doorHandlers.guarded(session));
  }
}

function outcome(name: 'call' | 'guarded', { data, errors }: GraphqlAnswer): Outcome {
  const [error] = errors ?? [];
  if (error !== undefined) return { refused: error.extensions?.reason ?? error.message };
  return { value: JSON.parse(data![name] as string) };
}

for (const server of graphqlServers) {
  describeDoor({
    name: `subscriptions, ${server.name}`,
    refusesLogin: /a message over a WebSocket can't set a cookie/,
    endsConnections: true,
    async start(options) {
      const app = await server.start({ providers: [SubscriptionDoor] }, options);
      return {
        url: app.url,
        close: app.close,
        async connect(jar) {
          const client = await connectGraphql(app.url, { cookie: jar.header });
          return {
            closed: client.closed,
            close: client.close,
            async call(name, body = {}) {
              if (name === 'guarded') return outcome('guarded', await client.ask('subscription { guarded }'));
              const query = 'subscription ($name: String!, $body: String!) { call(name: $name, body: $body) }';
              return outcome('call', await client.ask(query, { name, body: JSON.stringify(body) }));
            },
          };
        },
      };
    },
  });
}

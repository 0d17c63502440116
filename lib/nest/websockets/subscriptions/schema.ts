import { currentMessage } from '../../../transports/websockets/current-message.js';
import { operationOf } from '../../../transports/websockets/graphql-operation.js';
import { failureToSave } from './saving.js';

type Resolver = (source: unknown, args: unknown, context: unknown, info: unknown) => unknown;

/** The part of a `GraphQLSchema` that is used. */
export interface GraphqlSchema {
  getTypeMap(): Record<string, { getFields?(): Record<string, { resolve?: Resolver; subscribe?: Resolver }> }>;
}

/**
 * Runs resolvers so that services find the session of their operation, and saves the changes of a resolver that begins
 * a subscription.
 */
export function runWithinOperations<Schema extends GraphqlSchema>(schema: Schema): Schema {
  for (const [name, type] of Object.entries(schema.getTypeMap())) {
    // All schemas share GraphQL's own types.
    if (name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields?.() ?? {})) {
      if (field.resolve !== undefined) field.resolve = within(field.resolve);
      if (field.subscribe !== undefined) field.subscribe = savedAfter(within(field.subscribe));
    }
  }
  return schema;
}

function within(resolver: Resolver): Resolver {
  return (source, args, context, info) => {
    const operation = operationOf(context);
    if (operation === undefined) return resolver(source, args, context, info);
    return currentMessage.run(operation.message, () => resolver(source, args, context, info));
  };
}

function savedAfter(resolver: Resolver): Resolver {
  return async (source, args, context, info) => {
    const events = (await resolver(source, args, context, info)) as { return?(): unknown } | undefined;
    const failure = await failureToSave(context);
    if (failure === undefined) return events;
    await events?.return?.();
    throw failure;
  };
}

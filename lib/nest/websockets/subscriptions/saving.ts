import { operationOf } from '../../../transports/websockets/graphql-operation.js';
import { graphqlExtensions, type Refusal } from '../../guard/refusal-exception.js';
import { notSaved } from '../not-saved.js';

/** A refusal as a GraphQL error. */
class SavingError extends Error {
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.extensions = graphqlExtensions(refusal);
  }

  toJSON(): object {
    return { message: this.message, extensions: this.extensions };
  }
}

/**
 * Saves the changes of an operation so far. Returns the refusal for its client if that fails. Over HTTP there is
 * nothing to do.
 */
export async function failureToSave(context: unknown): Promise<SavingError | undefined> {
  const operation = operationOf(context);
  try {
    await operation?.finish();
    return undefined;
  } catch (error) {
    return new SavingError(notSaved(operation!.services, error));
  }
}

/**
 * Calls the app's own handler of a result, and then saves the changes, even if the handler throws an error. Returns
 * what replaces the result: the refusal if saving fails, or else what the handler returned.
 */
export async function savedAfterOwn(context: unknown, result: unknown, own: () => unknown): Promise<unknown> {
  let failure: SavingError | undefined;
  let answer: unknown;
  try {
    answer = await own();
  } finally {
    failure = await failureToSave(context);
  }
  if (failure !== undefined) return { data: null, errors: [failure] };
  // An earlier handler has put the refusal there, which the app's own must not hide.
  return isRefusal(result) ? result : answer;
}

const isRefusal = (result: unknown): boolean =>
  (result as { errors?: readonly unknown[] } | undefined)?.errors?.[0] instanceof SavingError;

import { operationOf } from '../../../transports/websockets/graphql-operation.js';
import { graphqlExtensions, type Refusal } from '../../guard/refusal-exception.js';
import { notSaved } from '../not-saved.js';

/** An answer in the place of one whose changes could not be saved. */
export interface FailedResult {
  readonly data: null;
  readonly errors: readonly SavingError[];
}

/** A refusal as an error of GraphQL. */
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

/** Saves what an operation has changed so far; gives what its client is told if that fails. Over HTTP there is nothing to do. */
export async function failureToSave(context: unknown): Promise<SavingError | undefined> {
  const operation = operationOf(context);
  try {
    await operation?.finish();
    return undefined;
  } catch (error) {
    return new SavingError(notSaved(operation!.services, error));
  }
}

/** The same, as an answer. */
export async function failedResult(context: unknown): Promise<FailedResult | undefined> {
  const failure = await failureToSave(context);
  return failure && { data: null, errors: [failure] };
}

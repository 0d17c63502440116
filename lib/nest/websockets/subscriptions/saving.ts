import { operationOf } from '../../../transports/websockets/graphql-operation.js';
import { graphqlExtensions, type Refusal } from '../../guard/refusal-exception.js';
import { notSaved } from '../not-saved.js';

/** The result that replaces one whose changes could not be saved. */
export interface FailedResult {
  readonly data: null;
  readonly errors: readonly SavingError[];
}

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

/** The same, as a result. */
export async function failedResult(context: unknown): Promise<FailedResult | undefined> {
  const failure = await failureToSave(context);
  return failure && { data: null, errors: [failure] };
}

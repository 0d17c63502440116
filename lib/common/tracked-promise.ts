/** Called once for a promise that was rejected and not awaited. */
export type Unawaited = (error: unknown) => void;

const plainThen = Promise.prototype.then;

/**
 * A promise that knows whether it is awaited. If it is rejected and not awaited, that is reported, instead of an
 * unhandled rejection. For methods that also take a callback, whose promise old code ignores.
 */
export class TrackedPromise<T> extends Promise<T> {
  private awaited = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static track<T>(promise: Promise<T>, unawaited: Unawaited): TrackedPromise<T> {
    const tracked = new TrackedPromise<T>((resolve, reject) => {
      promise.then(resolve, reject);
    });
    plainThen.call(tracked, undefined, (error: unknown) => {
      setImmediate(() => {
        if (!tracked.awaited) unawaited(error);
      });
    });
    return tracked;
  }

  // eslint-disable-next-line unicorn/no-thenable
  override then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.awaited = true;
    return super.then(onfulfilled, onrejected);
  }
}

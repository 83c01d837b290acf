/**
 * The answer of an operation in a user's transaction: a promise that knows whether anyone looked at it. One that nobody
 * awaited has perhaps failed without a word.
 */
export class UserOperation<T> extends Promise<T> {
  #onObserved: (() => void) | null = null;

  /** What `then` makes is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static start<T>(work: Promise<T>, onObserved: () => void): UserOperation<T> {
    const operation = new UserOperation<T>((resolve, reject) => work.then(resolve, reject));
    // Without looking: an operation that failed unseen ends the transaction with an error, not the process.
    Promise.prototype.then.call(operation, undefined, () => {});
    operation.#onObserved = onObserved;
    return operation;
  }

  // biome-ignore lint/suspicious/noThenProperty: this is a promise, and `await` reads its `then`
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#onObserved?.();
    this.#onObserved = null;
    return super.then(onFulfilled, onRejected);
  }
}

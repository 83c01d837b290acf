import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '../definitions/context.ts';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import { decodeValue } from '../definitions/values.ts';
import { textOfThrown } from './thrown.ts';

const within = new AsyncLocalStorage<readonly Promise<unknown>[]>();

/** One call of `ctx.once`. */
export interface Step {
  readonly name: string;
  /** Before the name: tells steps of a task within a function from the function's own. */
  readonly prefix: string;
  readonly log: () => Logger;
  /** Throws where nothing is recorded any more. */
  readonly begin: () => void;
  /** Finds the record, or makes it: the encoded value. */
  readonly take: (name: string) => Promise<string>;
}

/** The steps of `ctx.once` that run now in an attempt: two of one name at once are one, and both get what it gave or threw. */
export class RunningSteps {
  readonly #running = new Map<string, Promise<string>>();

  /** Errors: HF_ONCE_NAME, and what `begin` and `take` throw. */
  once<T>(step: Step): Promise<T> {
    const taken = this.#once<T>(step);
    // A function that does not await it, or calls it when its attempt is over, must not end the process with it.
    taken.catch((error) => step.log().warn(`ctx.once(${JSON.stringify(step.name)}) failed: ${textOfThrown(error)}`));
    return taken;
  }

  async #once<T>({ name, prefix, begin, take }: Step): Promise<T> {
    begin();
    if (typeof name !== 'string' || name === '') throw new HoldfastError('HF_ONCE_NAME', { name: showValue(name) });
    return decodeValue(await this.#run(prefix + name, take)) as T;
  }

  /** Resolves to the encoded value, of which each caller makes its own. Errors: HF_ONCE_NAME for a step within itself. */
  async #run(name: string, step: (name: string) => Promise<string>): Promise<string> {
    const known = this.#running.get(name);
    const around = within.getStore() ?? [];
    if (known !== undefined) {
      // It would wait for itself.
      if (around.includes(known)) throw new HoldfastError('HF_ONCE_NAME', { name: showValue(name) });
      return known;
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#running.set(name, promise);
    resolve(within.run([...around, promise], () => step(name)));
    try {
      return await promise;
    } finally {
      this.#running.delete(name);
    }
  }
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { HoldfastError, showValue } from '../definitions/errors.ts';

const within = new AsyncLocalStorage<readonly Promise<unknown>[]>();

/** The steps of `ctx.once` that run now in an attempt: two of one name at once are one, and both get what it gave or threw. */
export class RunningSteps {
  readonly #running = new Map<string, Promise<string>>();

  /** Resolves to the encoded value, of which each caller makes its own. Errors: HF_ONCE_NAME for a step within itself. */
  async run(name: string, step: (name: string) => Promise<string>): Promise<string> {
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

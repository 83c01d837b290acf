import type { Output } from './output.ts';

/** SIGINT and SIGTERM: the first asks to leave in order, a second SIGINT leaves at once. */
export class Interruption {
  /** Resolves with the first signal. */
  readonly asked: Promise<void>;
  readonly #listeners: readonly (readonly [NodeJS.Signals, () => void])[];

  constructor(output: Output) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.asked = promise;
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals) => () => {
      if (signals > 0 && signal === 'SIGINT') {
        output.note('holdfast: leaving at once; what was in flight is run again by the next worker');
        process.exit(130);
      }
      signals++;
      resolve();
    };
    this.#listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => [signal, onSignal(signal)] as const);
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  forget(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}

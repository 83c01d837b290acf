/**
 * One attempt of a chunk a process at a time: an outage of the server makes the next one start while the last still runs.
 * The old one is told to leave and waited for. All are told to leave when the process does.
 */
export class RunningChunks {
  readonly #shutdown: AbortSignal;
  readonly #running = new Map<string, { readonly leave: AbortController; readonly ended: Promise<void> }>();

  constructor(shutdown: AbortSignal) {
    this.#shutdown = shutdown;
  }

  async alone<T>(key: string, work: (leave: AbortSignal) => Promise<T>): Promise<T> {
    for (let before = this.#running.get(key); before; before = this.#running.get(key)) {
      before.leave.abort();
      await before.ended;
    }
    const leave = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#running.set(key, { leave, ended });
    const onShutdown = () => leave.abort();
    this.#shutdown.addEventListener('abort', onShutdown, { once: true });
    if (this.#shutdown.aborted) leave.abort();
    try {
      return await work(leave.signal);
    } finally {
      this.#shutdown.removeEventListener('abort', onShutdown);
      this.#running.delete(key);
      resolve();
    }
  }
}

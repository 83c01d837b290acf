import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  HoldfastClient,
  type JobHandle,
  type RunTaskOptions,
  type StartOptions,
  type TaskInputOf,
  type TaskResultOf,
} from '../client/index.ts';
import type { AnyJob } from '../definitions/job.ts';
import type { AnyTask } from '../definitions/task.ts';
import { type EmbeddedServer, ensureServer } from '../server/embedded.ts';
import { createWorker, type WorkerOptions } from '../worker/create-worker.ts';

export interface TestEnvironmentOptions {
  /** Relative paths of sources and sinks are relative to this. @default the working directory */
  readonly directory?: string;
}

/**
 * A real server with a database of its own in a temporary directory, for users' tests of their jobs and tasks. Nothing is faked: what holds here
 * holds in production.
 *
 * @example
 * const holdfast = await TestEnvironment.create();
 * const handle = await holdfast.run(enrich, { params: { file: 'three-orders.csv' } });
 * assert.equal((await handle.result()).state, 'complete');
 * await holdfast.close();
 */
export class TestEnvironment implements AsyncDisposable {
  readonly client: HoldfastClient;
  readonly #home: string;
  readonly #server: EmbeddedServer;
  readonly #directory: string;

  private constructor(parts: {
    readonly home: string;
    readonly server: EmbeddedServer;
    readonly client: HoldfastClient;
    readonly directory: string;
  }) {
    this.#home = parts.home;
    this.#server = parts.server;
    this.client = parts.client;
    this.#directory = parts.directory;
  }

  /** Starts the server, which takes about half a second. Errors: as `holdfast server start`. */
  static async create({ directory = process.cwd() }: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    const home = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    const server = await ensureServer({ use: 'run', home });
    const client = new HoldfastClient({ address: server.address, home, directory });
    return new TestEnvironment({ home, server, client, directory });
  }

  /** Runs a job to its end, with a worker that lives as long: the handle then gives its result, failures and results. */
  async run<J extends AnyJob>(job: J, options: StartOptions<J> = {}): Promise<JobHandle<J>> {
    return this.#working({ jobs: [job] }, async () => {
      const handle = await this.client.start(job, options);
      await handle.result();
      return handle;
    });
  }

  /** Runs one task, with a worker that lives as long: its retries, memoization and timeout as they are in production. */
  async runTask<T extends AnyTask>(
    task: T,
    input: TaskInputOf<T>,
    options: RunTaskOptions = {},
  ): Promise<TaskResultOf<T>> {
    return this.#working({ tasks: [task] }, () => this.client.runTask(task, input, options));
  }

  async #working<T>(served: Pick<WorkerOptions, 'jobs' | 'tasks'>, work: () => Promise<T>): Promise<T> {
    const worker = await createWorker({
      ...served,
      address: this.#server.address,
      home: this.#home,
      directory: this.#directory,
    });
    const running = worker.run();
    try {
      return await work();
    } finally {
      worker.shutdown();
      await running;
    }
  }

  /** Ends the server and removes its files. */
  async close(): Promise<void> {
    await this.client.close();
    await this.#server.release();
    await rm(this.#home, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

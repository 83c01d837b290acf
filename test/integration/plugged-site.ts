import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientOptions, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { type EmbeddedServer, ensureServer } from '../../server/embedded.ts';
import { HoldfastPlugin, type PluginOptions } from '../../worker/index.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };

/** Bundles a file of workflows as users do. */
export function bundle(
  file: string,
  plugins: HoldfastPlugin[] = [],
  more: { readonly payloadConverterPath?: string } = {},
): Promise<WorkflowBundleWithSourceMap> {
  const workflowsPath = join(import.meta.dirname, 'programs', file);
  return bundleWorkflowCode({ workflowsPath, logger: quiet, plugins, ...more });
}

/** A server with a user's own client and Workers, and a home for what the plugin keeps. */
export class PluggedSite {
  readonly directory: string;
  readonly home: string;
  readonly server: EmbeddedServer;
  readonly client: Client;
  readonly native: NativeConnection;
  #names = 0;

  private constructor(
    directory: string,
    parts: { readonly server: EmbeddedServer; readonly client: Client; readonly native: NativeConnection },
  ) {
    this.directory = directory;
    this.home = join(directory, 'home');
    this.server = parts.server;
    this.client = parts.client;
    this.native = parts.native;
  }

  static async create(): Promise<PluggedSite> {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'hf-plugin-')));
    const server = await ensureServer({ home: join(directory, 'home'), use: 'run', say: () => undefined });
    const { address } = server;
    const client = new Client({ connection: await Connection.connect({ address }) });
    return new PluggedSite(directory, { server, client, native: await NativeConnection.connect({ address }) });
  }

  get store(): string {
    return join(this.home, 'store.db');
  }

  /** Another client, with a data converter for example. */
  clientWith(options: ClientOptions): Client {
    return new Client({ connection: this.client.connection, ...options });
  }

  newName(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  plugin(options: PluginOptions): HoldfastPlugin {
    return new HoldfastPlugin({ home: this.home, directory: this.directory, ...options });
  }

  /** Runs workflows on a Worker that ends with the work. */
  async working<T>(options: Omit<WorkerOptions, 'connection'>, work: () => Promise<T>): Promise<T> {
    const worker = await Worker.create({ connection: this.native, ...options });
    return worker.runUntil(work);
  }

  /** A workflow's result, on a task queue. */
  execute<T>(
    type: string,
    {
      taskQueue,
      args = [],
      client = this.client,
    }: { readonly taskQueue: string; readonly args?: unknown[]; readonly client?: Client },
  ): Promise<T> {
    return client.workflow.execute(type, { taskQueue, args, workflowId: this.newName(type) }) as Promise<T>;
  }

  async remove(): Promise<void> {
    await this.client.connection.close();
    await this.native.close();
    await this.server.release();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

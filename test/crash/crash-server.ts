import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { type EmbeddedServer, ensureServer, stopServer } from '../../server/embedded.ts';
import { devServerExecutable } from '../../server/test-server.ts';
import { isAlive, until } from './crash-worker.ts';
import type { CrashItem, CrashJob } from './jobs.ts';
import { CrashSite, numbered } from './site.ts';

/** The server that the tests of a file share; each test has a site of its own on it. */
export class CrashServer {
  readonly home: string;
  server: Pick<EmbeddedServer, 'address' | 'pid'> & Partial<EmbeddedServer>;
  #env: TestWorkflowEnvironment | null = null;
  client: Client;
  #sites: CrashSite[] = [];
  #names = 0;

  private constructor(home: string, server: CrashServer['server'], client: Client) {
    this.home = home;
    this.server = server;
    this.client = client;
  }

  static async start(): Promise<CrashServer> {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-crash-')));
    const server = await ensureServer({ home, use: 'keep', say: () => undefined });
    return new CrashServer(home, server, await connect(server.address));
  }

  /** A server that suggests to continue as new at so few events of history. */
  static async startWithLimit(events: number): Promise<CrashServer> {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-crash-')));
    const extraArgs = ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${events}`];
    const executable = await devServerExecutable({ say: () => undefined });
    const env = await TestWorkflowEnvironment.createLocal({ server: { executable, extraArgs } });
    const crash = new CrashServer(home, { address: env.address, pid: process.pid }, await connect(env.address));
    crash.#env = env;
    return crash;
  }

  get isUp(): boolean {
    return isAlive(this.server.pid);
  }

  get address(): string {
    return this.server.address;
  }

  /** A directory, a home and a job name for one test. */
  site(job: Partial<CrashJob> = {}, items: readonly CrashItem[] = numbered(700), beside?: CrashSite): CrashSite {
    const named = { name: `crash-${++this.#names}`, callMs: 2, concurrency: 20, ...job };
    const site = new CrashSite(this, named, items, beside);
    this.#sites.push(site);
    return site;
  }

  async kill(): Promise<void> {
    process.kill(this.server.pid, 'SIGKILL');
    await until('the server is gone', () => !isAlive(this.server.pid));
  }

  /** Starts it again, on its file and its port. */
  async restart(): Promise<void> {
    const { address } = this.server;
    this.server = await ensureServer({ home: this.home, use: 'keep', say: () => undefined });
    if (this.server.address !== address) throw new Error(`the server moved from ${address} to ${this.server.address}`);
  }

  /** Ends what a test has left running. For `afterEach`. */
  async endSites(): Promise<void> {
    for (const site of this.#sites.splice(0)) await site.end();
  }

  async end(): Promise<void> {
    await this.endSites();
    await this.client.connection.close();
    if (this.#env) await this.#env.teardown();
    else await stopServer({ home: this.home });
    rmSync(this.home, { recursive: true, force: true });
  }
}

async function connect(address: string): Promise<Client> {
  return new Client({ connection: await Connection.connect({ address }) });
}

import { isTemporalConfigured, temporalConfig } from '../client/connection.ts';
import { type EmbeddedServer, ensureServer } from '../server/embedded.ts';
import { watchServer } from '../server/watch.ts';
import type { Output } from './output.ts';

/** The Temporal that a command works with. */
export interface TemporalPlace {
  readonly address: string;
  readonly namespace: string;
  /** How it reads in a line. */
  readonly title: string;
  /** Ends this process's use of it. */
  release(): Promise<void>;
}

export interface PlaceOptions {
  readonly output: Output;
  /** The embedded server, whatever is configured. */
  readonly local?: boolean | undefined;
  /** `run`: an embedded server ends with its last user; `keep`: it stays. */
  readonly use: 'run' | 'keep';
}

/** The configured Temporal, else the embedded server, started where it does not run and kept running meanwhile. */
export async function openPlace({ output, local, use }: PlaceOptions): Promise<TemporalPlace> {
  if (!local && isTemporalConfigured()) {
    const { connection, namespace } = temporalConfig();
    return {
      address: connection.address,
      namespace,
      title: `${connection.address} (${namespace})`,
      release: async () => undefined,
    };
  }
  const server = await ensureServer({ use, say: (line) => output.note(line) });
  const { address, namespace } = server;
  const title = `${address} (embedded${server.started ? ', started' : ''})`;
  const watch = use === 'run' ? keepAlive(server, output) : null;
  const release = async () => {
    await watch?.end();
    await server.release();
  };
  return { address, namespace, title, release };
}

function keepAlive(server: EmbeddedServer, output: Output) {
  return watchServer(server, {
    say: (line) => output.note(line),
    onGone: (how) =>
      output.note(
        how === 'stopped'
          ? 'holdfast: the embedded server was stopped; waiting until it is started again (holdfast server start)'
          : 'holdfast: the embedded server is gone; starting it again',
      ),
    onBack: (next, moved) =>
      output.note(
        moved
          ? `holdfast: the embedded server runs again, at another address (${next.address}): end this command and run it again`
          : 'holdfast: the embedded server runs again; going on',
      ),
    onError: (error) =>
      output.note(
        `holdfast: the embedded server could not be started: ${error instanceof Error ? error.message : String(error)}`,
      ),
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedServer, type EnsureOptions, ensureServer } from './embedded.ts';
import { serverFiles } from './home.ts';
import { findServerProcesses } from './process-table.ts';
import { readRecord } from './record.ts';

export interface WatchOptions extends Omit<EnsureOptions, 'use' | 'home'> {
  /** How often to look, in milliseconds. @default 1000 */
  readonly intervalMs?: number;
  /** `ended`: it died, and is being started again. `stopped`: on request, so it is left until one starts it. */
  readonly onGone?: (how: 'ended' | 'stopped') => void;
  /** It runs again. `moved` where its old port was taken meanwhile: connections to the old one never come back. */
  readonly onBack?: (server: EmbeddedServer, moved: boolean) => void;
  /** It could not be started; the next look tries again. */
  readonly onError?: (error: unknown) => void;
}

export interface ServerWatch extends AsyncDisposable {
  end(): Promise<void>;
}

/**
 * Starts the server again whenever it has died, until the watch is ended: connections of the SDK to the same port go on
 * by themselves. End it before releasing the server that it was given.
 *
 * @example
 * const watch = watchServer(server, { onGone: () => log('the server is gone, starting it again') });
 * await watch.end();
 * await server.release();
 */
export function watchServer(server: EmbeddedServer, options: WatchOptions = {}): ServerWatch {
  const { intervalMs = 1_000, onGone, onBack, onError, ...ensure } = options;
  const files = serverFiles(server.home);
  const ended = new AbortController();
  const revived: EmbeddedServer[] = [];
  let { address } = server;
  let gone = false;
  const look = async () => {
    const runs = (await findServerProcesses(files.database)).length > 0;
    if (runs && !gone) return;
    // Who stops a server removes its record; one that died leaves it behind.
    const stopped = !runs && readRecord(files.record) === null;
    if (!gone) onGone?.(stopped ? 'stopped' : 'ended');
    gone = true;
    if (stopped) return;
    const next = await ensureServer({ ...ensure, home: server.home, use: 'run' });
    revived.push(next);
    gone = false;
    const moved = next.address !== address;
    address = next.address;
    onBack?.(next, moved);
  };
  const watching = (async () => {
    while (!ended.signal.aborted) {
      await look().catch((error: unknown) => onError?.(error));
      await sleep(intervalMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
    }
  })();
  const end = async () => {
    ended.abort();
    await watching;
    for (const use of revived) await use.release();
  };
  return { end, [Symbol.asyncDispose]: end };
}

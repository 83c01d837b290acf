import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../definitions/errors.ts';

export const SERVER_IP = '127.0.0.1';

/** Below the ports that systems give to outgoing connections, or one of those would take a dead server's port. */
const FIRST_PORT = 17_000;
const PORT_PAIRS = 7_000;

/** The port that a home's server gets where it is free: the same each time, so that running workers find it again. */
export function homePort(home: string): number {
  const hash = createHash('sha256').update(home).digest();
  return FIRST_PORT + 2 * (hash.readUInt32BE(0) % PORT_PAIRS);
}

/** Whether nothing listens on the port now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: SERVER_IP, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Whether the port becomes free in time: a server that was killed holds its port for a moment longer. */
export async function becomesFree(port: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isPortFree(port))) {
    if (Date.now() >= deadline) return false;
    await sleep(20);
  }
  return true;
}

/** The first free port of the preferred ones, then of those that follow `from`; never one of `except`. */
export async function chooseFreePort(choice: {
  readonly preferred: readonly number[];
  readonly from: number;
  readonly except: readonly number[];
}): Promise<number> {
  const { preferred, from, except } = choice;
  const following = Array.from(
    { length: 2 * PORT_PAIRS },
    (_, step) => FIRST_PORT + ((from - FIRST_PORT + step) % (2 * PORT_PAIRS)),
  );
  for (const port of [...preferred, ...following]) {
    if (!except.includes(port) && (await isPortFree(port))) return port;
  }
  throw new HoldfastError('HF_PORT_TAKEN', { port: from });
}

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** How long a process that was told to end may take to be gone. */
const goneWithinMs = 5_000;

export default async function teardown() {
  const directory = process.env.HOLDFAST_TEST_RUN;
  let processes = leakedProcesses(directory);
  for (const end = Date.now() + goneWithinMs; processes.length > 0 && Date.now() < end; ) {
    await setTimeout(100);
    processes = leakedProcesses(directory);
  }
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
  // From source, workers keep the bundle they made of the workflows: meant for the next worker.
  const files = readdirSync(directory).filter((file) => !file.startsWith('holdfast-bundles-'));
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  const leaks = [
    ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
    ...files.map((file) => `temp file or directory: ${file}`),
  ];
  if (leaks.length > 0) throw new Error(`Tests left behind:\n  ${leaks.join('\n  ')}`);
}

/** Processes other than this one and Jest's workers whose environment names this run. Only where there is /proc. */
function leakedProcesses(directory) {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        // The embedded server's environment is a clean one: of this run it has the temp directory only.
        const ours =
          environment.includes(`HOLDFAST_TEST_RUN=${directory}`) || environment.includes(`TMPDIR=${directory}`);
        return ours && state !== 'Z' && !command.includes('jest-worker') ? [{ pid: Number(name), command }] : [];
      } catch {
        return []; // Gone meanwhile, or another user's.
      }
    });
}

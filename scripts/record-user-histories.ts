// Runs workflows of a user with the plugin, and writes their histories to test/replay/user-histories/: what `proxyTasks`, `runJob` and
// `runTask` do in a workflow may not change under those that are in flight.
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastClient } from '../client/index.ts';
import { bundle, PluggedSite } from '../test/integration/plugged-site.ts';
import * as jobs from '../test/integration/programs/job-definitions.ts';
import * as tasks from '../test/integration/programs/task-definitions.ts';
import { writeHistory } from '../test/replay/history-text.ts';

export const USER_HISTORIES = new URL('../test/replay/user-histories/', import.meta.url);

/** `prefix`: before the files' names, for those that stay beside earlier ones. */
export async function recordUserHistories(prefix: string): Promise<void> {
  mkdirSync(USER_HISTORIES, { recursive: true });
  const site = await PluggedSite.create();
  const save = async (name: string, workflowId: string) => {
    const history = await site.client.workflow.getHandle(workflowId).fetchHistory();
    writeFileSync(new URL(`${prefix}${name}.json`, USER_HISTORIES), writeHistory(history));
    console.log(`${name}: ${history.events?.length} events`);
  };
  const taskQueue = 'recorded';
  const start = (type: string, workflowId: string, args: readonly unknown[]) =>
    site.client.workflow.start(type, { taskQueue, workflowId, args: [...args] });
  try {
    const options = {
      taskQueue,
      workflowBundle: await bundle('all-flows.ts'),
      plugins: [site.plugin({ tasks, jobs })],
    };
    await site.working(options, async () => {
      await (await start('addFlow', 'task', [1, 2])).result();
      await (await start('specialFlow', 'special-values', [])).result();
      await (await start('squaresFlow', 'job', [3])).result();
      const { promise, resolve } = Promise.withResolvers<void>();
      jobs.gate.opened = promise;
      const first = await start('squaresFlow', 'first', [5]);
      while (jobs.calls.length < 3 + 5) await sleep(20);
      const second = await start('squaresFlow', 'job-that-is-open', [5]);
      await sleep(1_500);
      resolve();
      await Promise.all([first.result(), second.result()]);
      await using client = new HoldfastClient({ address: site.server.address, home: site.home });
      await client.runTask(tasks.sum, { x: 3, y: 4 }, { id: 'single-task', taskQueue });
    });
    for (const name of ['task', 'special-values', 'job', 'job-that-is-open', 'single-task']) await save(name, name);
  } finally {
    await site.remove();
  }
}

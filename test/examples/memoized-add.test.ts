import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { taskSpecOf } from '../../definitions/task.ts';
import { add } from '../../examples/memoized-add/tasks.ts';
import type { sumOf } from '../../examples/memoized-add/workflows.ts';
import { testServerExecutable } from '../../server/test-server.ts';
import { inCopyOf, rehearse, runInShell } from './rehearsal.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

test('a sum of examples/memoized-add is computed once, however often it is asked for and whatever becomes of the worker', async () => {
  await rehearse('memoized-add', ({ directory }) => {
    expect(readFileSync(join(directory, 'computed.log'), 'utf8')).toBe('2 + 3\n40 + 2\n');
  });
}, 180_000);

test('a sum that fails is tried again five times, over its delays, and then fails in the workflow', async () => {
  const { retry } = taskSpecOf(add);
  const delaysMs = [5_000, 10_000, 20_000, 30_000, 60_000];
  expect(retry).toMatchObject({ attempts: 6, delays: { kind: 'list', delaysMs }, jitter: 0.2 });
  const executable = await testServerExecutable({ say: () => undefined });
  const env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  const end = new AbortController();
  await inCopyOf('memoized-add', async (directory) => {
    mkdirSync(join(directory, 'computed.log')); // to which nothing can be appended
    const shell = { directory, env: { TEMPORAL_ADDRESS: env.address }, signal: end.signal };
    const worker = runInShell(['node worker.ts'], shell);
    try {
      const call = { taskQueue: 'sums', workflowId: 'sum', args: [2, 3] as [number, number] };
      const handle = await env.client.workflow.start<typeof sumOf>('sumOf', call);
      const ended = worker.then(({ stderr }) => Promise.reject(new Error(`the worker ended:\n${stderr}`)));
      await expect(Promise.race([handle.result(), ended])).rejects.toMatchObject({
        cause: { cause: { message: expect.stringContaining('failed 6 times') } },
      });
      const { attempt, waitedMs } = lastAttempt((await handle.fetchHistory()).events ?? []);
      expect(attempt).toBe(6);
      const delayMs = delaysMs.reduce((sum, each) => sum + each);
      expect(waitedMs).toBeGreaterThanOrEqual(0.8 * delayMs);
      expect(waitedMs).toBeLessThan(1.2 * delayMs + 20_000); // the first attempt may have been waiting for the worker
    } finally {
      end.abort();
      await worker;
      await env.teardown();
    }
  });
}, 120_000);

type Events = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

/** Of the only activity: the number of its last attempt, and how long after being scheduled that began. */
function lastAttempt(events: Events): { readonly attempt: number | undefined; readonly waitedMs: number } {
  const scheduled = events.find((event) => event.activityTaskScheduledEventAttributes);
  const started = events.find((event) => event.activityTaskStartedEventAttributes);
  const at = (event: Events[number] | undefined) => Number(event?.eventTime?.seconds) * 1_000;
  return {
    attempt: started?.activityTaskStartedEventAttributes?.attempt ?? undefined,
    waitedMs: at(started) - at(scheduled),
  };
}

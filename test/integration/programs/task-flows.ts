// Workflows of a user who has tasks and activities: bundled for the sandbox.
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import { proxyTasks } from '../../../workflows/index.ts';
import type * as tasks from './task-definitions.ts';

export * from '../../../workflows/register.ts';

const { add, echo } = proxyTasks<typeof tasks>();

export async function addFlow(x: number, y: number): Promise<number> {
  return add({ x, y });
}

/** Whether special values came back as they went in, told inside the sandbox. */
export async function specialFlow(): Promise<Record<string, unknown>> {
  const sent = {
    at: new Date(5),
    big: 12n,
    bytes: Uint8Array.of(1, 2, 255),
    none: undefined,
    zero: -0,
    $hf: { deep: [new Date(7)] },
  };
  const got = (await echo(sent)) as typeof sent;
  const alone = await echo(undefined);
  return {
    at: got.at instanceof Date && got.at.getTime() === 5,
    big: got.big === 12n,
    bytes: got.bytes instanceof Uint8Array && [...got.bytes].join() === '1,2,255',
    none: 'none' in got && got.none === undefined,
    zero: Object.is(got.zero, -0),
    escaped: got.$hf.deep[0]?.getTime() === 7,
    alone: alone === undefined,
  };
}

/** A task by any name, with options of its activity. */
export async function taskFlow(name: string, input: unknown, options: Record<string, unknown> = {}): Promise<unknown> {
  const all = proxyTasks<unknown>(options) as Record<string, (input: unknown) => Promise<unknown>>;
  return all[name]?.(input);
}

/** An activity that is no task, ordinary or local. */
export async function activityFlow(kind: 'local' | 'ordinary', name: string, args: unknown[]): Promise<unknown> {
  const options = { startToCloseTimeout: '1 minute', retry: { maximumAttempts: 3, initialInterval: '10ms' } } as const;
  type Any = Record<string, (...args: unknown[]) => Promise<unknown>>;
  const activities = kind === 'local' ? proxyLocalActivities<Any>(options) : proxyActivities<Any>(options);
  return activities[name]?.(...args);
}

/** A task as a local activity, with no end to its retries here. */
export async function localFlow(name: string, input: unknown): Promise<unknown> {
  const activities = proxyLocalActivities<Record<string, (input: unknown) => Promise<unknown>>>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '1ms' },
  });
  return activities[name]?.(input);
}

/** A task twice, one after the other. */
export async function twiceFlow(
  name: string,
  input: unknown,
  options: Record<string, unknown> = {},
): Promise<readonly unknown[]> {
  return [await taskFlow(name, input, options), await taskFlow(name, input, options)];
}

// Workflows of a user who has tasks: bundled for the sandbox.
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

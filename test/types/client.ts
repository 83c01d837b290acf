// Compiled, never run: what a client of a job knows of its types.
import { defineJob, items } from 'holdfast';
import { HoldfastClient, type JobHandle } from 'holdfast/client';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(equal: Equal<A, B>): void;

const squares = defineJob({
  name: 'squares',
  params: { upTo: 'number', title: 'string?' },
  source: items([{ number: 1 }]),
  key: (item) => item.number,
  run: (item) => ({ square: item.number ** 2 }),
});

export async function useClient(): Promise<void> {
  const client = new HoldfastClient();
  const byJob = await client.start(squares, { params: { upTo: 3 } });
  same<typeof byJob, JobHandle<typeof squares>>(true);
  for await (const { key, result } of byJob.results()) {
    same<typeof key, string>(true);
    same<typeof result, { square: number }>(true);
  }
  const byName = await client.start<typeof squares>('squares', { params: { upTo: 3 }, limit: 10 });
  same<typeof byName, JobHandle<typeof squares>>(true);
  // @ts-expect-error another name than the job's
  await client.start<typeof squares>('circles');
  // @ts-expect-error a param of another kind
  await client.start(squares, { params: { upTo: '3' } });
  // @ts-expect-error an unknown param
  await client.start<typeof squares>('squares', { params: { upTo: 3, down: 1 } });
  const { state } = await client.job('any').result();
  same<typeof state, 'running' | 'paused' | 'complete' | 'partial' | 'failed' | 'cancelled'>(true);
  await client.start('untyped', { params: { whatever: 1 } });
}

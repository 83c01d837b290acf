import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defineJob, items } from 'holdfast';
import { TestEnvironment } from 'holdfast/testing';

let holdfast: TestEnvironment;

beforeAll(async () => {
  holdfast = await TestEnvironment.create();
}, 60_000);

afterAll(() => holdfast.close());

describe('ctx.once', () => {
  test('runs a step once: a later try of the item gets what was recorded, dates and all', async () => {
    let steps = 0;
    const job = defineJob({
      name: 'steps',
      source: items(['a']),
      key: (item) => item,
      async run(_, ctx) {
        const at = await ctx.once('reserve', () => {
          steps++;
          return new Date(5);
        });
        if (ctx.attempt < 3) throw new Error('not yet');
        return { at: at.getTime(), attempt: ctx.attempt };
      },
      retry: { attempts: 3, delays: ['10ms'] },
    });

    const handle = await holdfast.run(job);

    expect(await Array.fromAsync(handle.results())).toMatchObject([{ key: 'a', result: { at: 5, attempt: 3 } }]);
    expect(steps).toBe(1);
  }, 60_000);

  test('two steps of one name at once are one step', async () => {
    let steps = 0;
    const job = defineJob({
      name: 'steps-at-once',
      source: items(['a']),
      key: (item) => item,
      run(_, ctx) {
        const step = () => ctx.once('step', () => new Promise((resolve) => setTimeout(() => resolve(++steps), 20)));
        return Promise.all([step(), step()]);
      },
    });

    const handle = await holdfast.run(job);

    expect(await Array.fromAsync(handle.results())).toMatchObject([{ result: [1, 1] }]);
  }, 60_000);

  test('is refused once the attempt is over, and the job ends as it would have', async () => {
    const { promise: refused, resolve } = Promise.withResolvers<unknown>();
    const job = defineJob({
      name: 'late-steps',
      source: items(['a']),
      key: (item) => item,
      run(_, ctx) {
        setTimeout(() => {
          ctx.once('late', () => 1).catch(resolve);
          // Nobody awaits this one: it must not end the process.
          void ctx.once('later', () => 1);
        }, 20);
        return 'done';
      },
    });

    const handle = await holdfast.run(job);

    expect((await handle.result()).state).toBe('complete');
    expect(await refused).toMatchObject({ code: 'HF_ATTEMPT_OVER' });
  }, 60_000);
});

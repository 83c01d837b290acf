import { expect, test } from '@jest/globals';
import { defineJob, items } from 'holdfast';
import { TestEnvironment } from 'holdfast/testing';

test('a user tests a job against a real server in a few lines', async () => {
  const doubling = defineJob({
    name: 'doubling',
    source: items([1, 2, 3]),
    key: (n) => n,
    run: (n) => {
      if (n === 2) throw new Error('no twos');
      return n * 2;
    },
    retry: { attempts: 1 },
    tolerate: { failures: 1 },
  });
  await using holdfast = await TestEnvironment.create();

  const handle = await holdfast.run(doubling);

  expect((await handle.result()).state).toBe('partial');
  expect(await Array.fromAsync(handle.results())).toMatchObject([
    { key: '1', result: 2 },
    { key: '3', result: 6 },
  ]);
  expect(await Array.fromAsync(handle.failures())).toMatchObject([{ key: '2' }]);
}, 60_000);

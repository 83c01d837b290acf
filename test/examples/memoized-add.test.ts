import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { taskSpecOf } from '../../definitions/task.ts';
import { add } from '../../examples/memoized-add/tasks.ts';
import { rehearse } from './rehearsal.ts';

test('a sum of examples/memoized-add is computed once, however often it is asked for and whatever becomes of the worker', async () => {
  await rehearse('memoized-add', ({ directory }) => {
    expect(readFileSync(join(directory, 'computed.log'), 'utf8')).toBe('2 + 3\n40 + 2\n');
  });
}, 180_000);

test('its delays are those that it shows', () => {
  expect(taskSpecOf(add).retry).toMatchObject({
    attempts: 6,
    delays: { kind: 'list', delaysMs: [5_000, 10_000, 20_000, 30_000, 60_000] },
    jitter: 0.2,
  });
});

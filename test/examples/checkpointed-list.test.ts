import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readRows, rehearse } from './rehearsal.ts';

test('the list of examples/checkpointed-list, killed in the middle, goes on and has every number once', async () => {
  await rehearse('checkpointed-list', ({ numbers: { before = 0, missing = 0, after = 0, done = 0 }, directory }) => {
    // The first chunk has a hundred items, and the kill comes after twice as many.
    expect(before).toBeGreaterThanOrEqual(100);
    expect(done).toBeGreaterThan(0);
    expect(before).toBeLessThan(600);
    expect(missing).toBe(600 - before);
    expect(after).toBe(600 - before);
    const squares = Array.from({ length: 600 }, (_, index) => ({ number: index + 1, square: (index + 1) ** 2 }));
    expect(readRows(join(directory, 'squares.db'), 'SELECT * FROM squares ORDER BY number')).toEqual(squares);
  });
}, 180_000);

// Six hundred numbers are squared, each into a row of squares.db. What has landed is recorded with the rows, chunk by chunk.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob, items, sqlTable } from 'holdfast';

const numbers = Array.from({ length: 600 }, (_, index) => index + 1);

export default defineJob({
  name: 'checkpointed-list',
  source: items(numbers),
  key: (number) => number,
  concurrency: 5,
  async run(number, ctx) {
    if (number === 200) writeFileSync('kill-me.pid', String(process.pid)); // says when to kill it, and whom
    await sleep(25, undefined, { signal: ctx.signal });
    return number * number;
  },
}).to(
  sqlTable({
    url: 'sqlite:squares.db',
    table: 'squares',
    key: 'number',
    row: (number, square) => ({ number, square }),
  }),
);

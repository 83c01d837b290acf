// Jobs of the tests of runJob, in the process that runs them.
import { defineJob } from '../../../definitions/job.ts';
import { items } from '../../../sources/items.ts';

export const calls: number[] = [];
/** Items from 3 on wait for it. */
export const gate = { opened: Promise.resolve() };

export const squares = defineJob({
  name: 'squares',
  params: { upTo: 'number', shift: { type: 'number', default: 0 } },
  source: ({ upTo }) => items(Array.from({ length: upTo }, (_, number) => ({ number }))),
  key: ({ number }) => number,
  id: ({ upTo, shift }) => `squares-${upTo}-${shift}`,
  concurrency: 4,
  run: async ({ number }, { params, signal }) => {
    calls.push(number);
    if (number >= 3) {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      await Promise.race([gate.opened, promise]);
    }
    return number ** 2 + params.shift;
  },
});

/** Whether items of `mendable` go well. */
export const mended = { yes: false };

export const mendable = defineJob({
  name: 'mendable',
  source: items([{ id: 'a' }]),
  key: ({ id }) => id,
  retry: { attempts: 1 },
  tolerate: { failures: 1 },
  run: () => {
    if (!mended.yes) throw new Error('not yet');
    return 'mended';
  },
});

export const paid = defineJob({
  name: 'paid',
  source: items([{ id: 'a' }, { id: 'b' }]),
  key: ({ id }) => id,
  retry: { attempts: 2, delays: ['10ms'] },
  run: async ({ id }, ctx) => {
    const rows = await ctx.transaction('sqlite:paid.db', async (tx) => {
      await tx.run('CREATE TABLE IF NOT EXISTS paid (id TEXT NOT NULL)');
      await tx.run('INSERT INTO paid (id) VALUES (?)', [id]);
      return tx.all<{ n: number }>('SELECT count(*) AS n FROM paid WHERE id = ?', [id]);
    });
    if (ctx.attempt === 1) throw new Error('once more');
    return rows[0]?.n;
  },
});

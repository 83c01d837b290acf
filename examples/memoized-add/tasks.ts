import { appendFileSync } from 'node:fs';
import { defineTask } from 'holdfast';

export const add = defineTask({
  name: 'add',
  run({ x, y }: { readonly x: number; readonly y: number }) {
    appendFileSync('computed.log', `${x} + ${y}\n`); // to see when it really computes
    return x + y;
  },
  memoize: {
    key: ({ x, y }) => `sum:${x}:${y}`,
    expires: '1 day',
    storage: 'results', // a folder to look into; without it results are kept in the store
  },
  retry: { delays: ['5s', '10s', '20s', '30s', '60s'], jitter: 0.2 }, // five retries, each delay ± 20 %
});

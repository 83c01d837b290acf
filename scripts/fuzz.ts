// `npm run fuzz -- [--minutes 1] [--seed N]`: seeded lives of a job (its source changes, its processes die) until the time is
// up. A seed that fails is printed with how to run just it.
import { parseArgs } from 'node:util';
import { fuzzLedger } from '../test/integration/ledger-fuzz.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } } });
const until = Date.now() + Number(values.minutes) * 60_000;
let seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const log = Number(values.minutes) === 0 ? console.log : () => undefined;
let failed = 0;
let lives = 0;
do {
  try {
    await fuzzLedger(seed, log);
  } catch (error) {
    failed++;
    console.log(`${(error as Error).message}\n  again: npm run fuzz -- --minutes 0 --seed ${seed}`);
    if (log === console.log) console.log((error as Error).cause);
  }
  lives++;
  seed++;
} while (Date.now() < until);
console.log(`${lives - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

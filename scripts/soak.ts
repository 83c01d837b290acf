// `npm run soak -- [--minutes 10] [--seed N]`: kills workers and servers of jobs at random moments until the time is up, and
// counts effects. A seed that fails is printed with how to run just it.
import { parseArgs } from 'node:util';
import { CrashServer } from '../test/crash/crash-server.ts';
import { soak } from '../test/crash/soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } });
const until = Date.now() + Number(values.minutes) * 60_000;
let seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
let failed = 0;
let rounds = 0;
const crash = await CrashServer.start();
try {
  do {
    const options = { seed, kills: 3 + (seed % 6), workers: 1 + (seed % 3), server: seed % 2 === 0 };
    const problem = await round(options).catch((error: Error) => error.message);
    rounds++;
    if (problem !== null) failed++;
    console.log(`seed ${seed}: ${problem ?? 'every effect once'}`);
    if (problem !== null) console.log(`  again: npm run soak -- --minutes 0 --seed ${seed}`);
    await crash.endSites();
    seed++;
  } while (Date.now() < until);
} finally {
  await crash.end();
}
console.log(`${rounds - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function round(options: Parameters<typeof soak>[1]): Promise<string | null> {
  const { site, keys } = await soak(crash, options);
  const { state } = await site.result(120_000);
  const [found] = site.query<{ rows: number; keys: number }>(
    'SELECT count(*) AS rows, count(DISTINCT key) AS keys FROM effect',
  );
  if (state !== 'complete') return `it ended ${state}`;
  if (found?.rows === keys.length && found.keys === keys.length) return null;
  return `${found?.rows} effects of ${found?.keys} keys, of ${keys.length}`;
}

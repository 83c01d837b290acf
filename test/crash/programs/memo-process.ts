// A process that asks a memoization store for keys, for tests that kill it; its settings are in MEMO_PROCESS.
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../../../database/file-lock.ts';
import { openDatabase } from '../../../database/open-database.ts';
import { isOwnerAlive, ownersDirectory } from '../../../ledger/owner-files.ts';
import type { MemoTask } from '../../../memoization/memoization.ts';
import { openMemoization } from '../../../memoization/open-memoization.ts';

export interface MemoProcessSettings {
  readonly directory: string;
  readonly keys: number;
  /** Keys asked for at once. */
  readonly width: number;
  /** How long computing one takes. */
  readonly computeMs: number;
  /** Where it kills itself, such as `after-memo-claim:2` for the second time. */
  readonly killAt?: string;
  /** The key whose computing fails once, in this process. */
  readonly failKey?: number;
  /** In place of the keys: computes key `own`, and within it asks for key `other`, once both processes do so. */
  readonly circle?: { readonly own: number; readonly other: number };
}

/** Of such a length that every tenth is a file. */
const resultOf = (n: number): string => `${n}:${'v'.repeat(n % 10 === 0 ? 70_000 : 200)}`;

async function main(settings: MemoProcessSettings): Promise<void> {
  const { directory } = settings;
  const owner = randomUUID();
  mkdirSync(ownersDirectory(directory), { recursive: true });
  const lock = tryLock(join(ownersDirectory(directory), `${owner}.lock`));
  const database = await openDatabase('sqlite:memo.db', { directory });
  const memoization = await openMemoization({
    database,
    owner,
    directory,
    results: join(directory, 'results'),
    now: Date.now,
    seal: null,
    livingOwners: async (owners) => new Set(owners.filter((each) => isOwnerAlive(directory, each) === true)),
    reach: killer(settings.killAt),
  });
  const ask = (n: number, compute: () => unknown) =>
    memoization.run(task, n, compute, { notBefore: null, madeBy: owner, signal: new AbortController().signal });
  console.log('ready');
  if (settings.circle !== undefined) {
    const { own, other } = settings.circle;
    const outcome = await ask(own, async () => {
      await meet(directory, own, other);
      return [own, (await ask(other, () => `${other} alone`)).value];
    });
    console.log(`value ${JSON.stringify(outcome.value)}`);
  } else {
    await new Promise((resolve) => process.stdin.once('data', resolve));
    await askForAll(settings, ask);
  }
  await memoization.close();
  await database.close();
  lock?.release();
  process.exit(0);
}

const task: MemoTask = {
  name: 'crash',
  version: '1',
  memoize: { expires: { kind: 'never' }, key: null, refresh: false, storage: null, onStoreError: 'fail' },
};

async function askForAll(
  { directory, keys, width, computeMs, failKey }: MemoProcessSettings,
  ask: (n: number, compute: () => unknown) => Promise<{ readonly value: unknown }>,
): Promise<void> {
  const order = Array.from({ length: keys }, (_, n) => n);
  if (failKey === undefined) order.sort(() => Math.random() - 0.5);
  let failed = false;
  const compute = (n: number) => async () => {
    if (n === failKey && !failed) {
      failed = true;
      throw new Error('not yet');
    }
    appendFileSync(join(directory, 'calls.txt'), `${n}\n`);
    if (computeMs > 0) await sleep(computeMs);
    return resultOf(n);
  };
  const next = order[Symbol.iterator]();
  const lanes = Array.from({ length: width }, async () => {
    for (const n of next) {
      const { value } = await ask(n, compute(n)).catch(() => ask(n, compute(n)));
      if (value !== resultOf(n)) throw new Error(`Key ${n} has the value ${String(value).slice(0, 40)}`);
    }
  });
  await Promise.all(lanes);
  console.log('all keys');
}

function killer(killAt: string | undefined): (point: string) => void {
  const [name, nth = '1'] = killAt?.split(':') ?? [];
  let reached = 0;
  return (point) => {
    if (point !== name) return;
    reached += 1;
    if (reached === Number(nth)) process.kill(process.pid, 'SIGKILL');
  };
}

/** Waits until the other process computes its key as well. */
async function meet(directory: string, own: number, other: number): Promise<void> {
  writeFileSync(join(directory, `inside-${own}`), '');
  while (!existsSync(join(directory, `inside-${other}`))) await sleep(5);
}

await main(JSON.parse(process.env.MEMO_PROCESS ?? '') as MemoProcessSettings);

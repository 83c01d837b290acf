import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { HoldfastError, isHoldfastError } from '../../definitions/errors.ts';
import type { MemoEntries } from '../../memoization/entries.ts';
import type { MemoTask } from '../../memoization/memoization.ts';
import { settleSlice } from '../../memoization/settle.ts';
import { type MemoProcess, MemoSite, memoTask } from '../conformance/memo-site.ts';
import { Chance } from './ledger-world.ts';

const CALLS = 120;
const HANG_MS = 20_000;
const DEPTH_MAX = 4;

interface Value {
  readonly n: number;
  readonly begunAt: number;
}

/** A call that computes a key, and is part of no other. */
interface Computing {
  readonly process: MemoProcess;
  /** Invalidations of the key so far, each counted when it begins and when it ends. */
  readonly turns: number;
}

/** A seeded life of some processes on one store, whose calls nest, fail and are invalidated at random; throws with what is wrong. */
export async function fuzzMemo(seed: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-memo-'));
  const site = new MemoSite({
    directory,
    open: () => openSqlite({ path: join(directory, 'memo.db') }),
    remove: () => rm(directory, { recursive: true, force: true }),
  });
  const life = new Life(site, new Chance(seed), await site.entries());
  await life.live();
  if (life.problems.size > 0) throw new Error(`seed ${seed}: ${[...life.problems].join('; ')}`);
  await site.end();
}

/** The database, whose transactions fail now and then: before they begin, or when they have come through and none could tell. */
function withFaults(database: Database, fails: () => boolean): Database {
  const fail = () => {
    if (fails()) throw new HoldfastError('HF_DATABASE_LOCKED', { database: database.url });
  };
  return {
    dialect: database.dialect,
    url: database.url,
    async read(work) {
      fail();
      return database.read(work);
    },
    async write(work, options) {
      fail();
      const result = await database.write(work, options);
      fail();
      return result;
    },
    isDataError: (error) => database.isDataError(error),
    checkFile: () => database.checkFile(),
    close: () => database.close(),
  };
}

class Life {
  readonly problems = new Set<string>();
  readonly #site: MemoSite;
  readonly #chance: Chance;
  readonly #entries: MemoEntries;
  readonly #task: MemoTask;
  readonly #keys: number;
  /** In a hundred. */
  readonly #rates: Readonly<Record<'nest' | 'fail' | 'kill' | 'invalidate' | 'tidy' | 'fault', number>>;
  #isFaulty = true;
  /** Whether results neither expire nor get lost on their way. */
  get #isLasting(): boolean {
    return this.#task.memoize.expires.kind === 'never' && this.#rates.fault === 0;
  }

  readonly #living = new Set<MemoProcess>();
  readonly #invalidatedAt = new Map<number, number>();
  readonly #turns = new Map<number, number>();
  /** Keys with a result, by their turns at that time. */
  readonly #stored = new Map<number, number>();
  readonly #computing = new Map<number, Set<Computing>>();
  readonly #depth = new AsyncLocalStorage<number>();

  constructor(site: MemoSite, chance: Chance, entries: MemoEntries) {
    this.#site = site;
    this.#chance = chance;
    this.#entries = entries;
    this.#keys = 3 + chance.below(5);
    const ends = [{ kind: 'never' }, { kind: 'after', ms: 5 }, { kind: 'after', ms: 0 }] as const;
    this.#task = memoTask('node', { expires: ends[chance.below(3)] ?? ends[0] });
    this.#rates = {
      nest: chance.below(100),
      fail: chance.below(40),
      kill: chance.one(2) ? 3 : 0,
      invalidate: chance.one(2) ? 5 : 0,
      tidy: chance.one(2) ? 20 : 0,
      fault: chance.one(3) ? 3 : 0,
    };
  }

  async live(): Promise<void> {
    for (let n = 0; n < 3; n++) await this.#begin();
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < CALLS; n++) {
      calls.push(
        this.#call(this.#anyProcess(), this.#anyKey(), this.#chance.one(10)).catch((error) => this.#note(error)),
      );
      if (this.#chance.one(3)) await sleep(this.#chance.below(4));
      if (this.#happens(this.#rates.kill)) await this.#kill();
      if (this.#happens(this.#rates.invalidate)) await this.#invalidate();
      if (this.#happens(this.#rates.tidy)) await this.#tidy();
    }
    const late = new AbortController();
    const hang = sleep(HANG_MS, 'hang', { signal: late.signal }).catch(() => 'ended');
    if ((await Promise.race([Promise.all(calls), hang])) === 'hang') this.problems.add('calls that never end');
    late.abort();
    this.#isFaulty = false;
    await this.#expectNothingLeft();
  }

  async #call(process: MemoProcess, n: number, isRefresh: boolean): Promise<void> {
    const at = Date.now();
    const invalidatedAt = this.#invalidatedAt.get(n) ?? 0;
    const depth = this.#depth.getStore() ?? 0;
    const turns = this.#turns.get(n) ?? 0;
    const mustHit = !isRefresh && this.#stored.get(n) === turns;
    const compute = () => {
      if (mustHit) this.problems.add('a stored result that is computed again');
      return this.#depth.run(depth + 1, () => this.#compute(process, n, depth));
    };
    const { value, hit } = await process.run(this.#task, n, compute, {
      ...(isRefresh && { notBefore: at }),
      again: (error) => isHoldfastError(error, 'HF_DATABASE_LOCKED') && n % 2 === 0,
    });
    const { n: of, begunAt } = value as Value;
    if (of !== n) this.problems.add(`the result of ${of} for ${n}`);
    const isStored =
      hit === null &&
      depth === 0 &&
      this.#living.has(process) &&
      turns % 2 === 0 &&
      turns === (this.#turns.get(n) ?? 0);
    if (isStored && this.#isLasting) this.#stored.set(n, turns);
    if (hit !== null && begunAt < invalidatedAt) this.problems.add('a result from before it was invalidated');
    if (isRefresh && begunAt < at) this.problems.add('a result that was begun before the refresh');
  }

  async #compute(process: MemoProcess, n: number, depth: number): Promise<Value> {
    const begunAt = Date.now();
    const me = { process, turns: this.#turns.get(n) ?? 0 };
    const others = this.#computing.get(n) ?? new Set();
    this.#computing.set(n, others);
    // One within another call may compute beside them, where waiting would close a circle.
    if (depth === 0) {
      const isBeing = me.turns % 2 === 1;
      if (!isBeing && [...others].some((one) => this.#living.has(one.process) && one.turns === me.turns))
        this.problems.add('a key that two compute at once');
      others.add(me);
    }
    try {
      if (!this.#chance.one(3)) await sleep(this.#chance.below(6));
      if (depth < DEPTH_MAX && this.#happens(this.#rates.nest)) await this.#callOthers(process);
      if (this.#happens(this.#rates.fail)) throw new Error('on purpose');
      return { n, begunAt };
    } finally {
      others.delete(me);
    }
  }

  async #callOthers(process: MemoProcess): Promise<void> {
    const calls = Array.from({ length: 1 + this.#chance.below(3) }, () => this.#call(process, this.#anyKey(), false));
    // Some are left behind when another fails.
    for (const call of calls) call.catch(() => undefined);
    if (this.#chance.one(2)) await Promise.all(calls);
    else for (const call of calls) await call.catch((error) => this.#note(error));
  }

  #note(error: unknown): void {
    if (isHoldfastError(error, 'HF_MEMO_CYCLE') || isHoldfastError(error, 'HF_DATABASE_LOCKED')) return;
    if ((error as Error).message === 'on purpose') return;
    this.problems.add(`${(error as Error).stack}`);
  }

  async #kill(): Promise<void> {
    const victim = this.#anyProcess();
    // What it computes goes on, as in a process that was taken for dead.
    this.#living.delete(victim);
    this.#site.kill(victim);
    await this.#begin();
  }

  async #begin(): Promise<void> {
    const fails = () => this.#isFaulty && this.#happens(this.#rates.fault);
    this.#isFaulty = false;
    this.#living.add(await this.#site.process({ database: withFaults(await this.#site.database(), fails) }));
    this.#isFaulty = true;
  }

  async #invalidate(): Promise<void> {
    const n = this.#anyKey();
    const at = Date.now();
    const turn = () => this.#turns.set(n, (this.#turns.get(n) ?? 0) + 1);
    turn();
    await this.#entries.invalidate({ key: this.#anyProcess().memoization.keyOf(this.#task, n).hash });
    turn();
    this.#invalidatedAt.set(n, at);
  }

  /** What other processes do now and then: move some keys into the index, or remove what is over. */
  async #tidy(): Promise<void> {
    if (this.#chance.one(5)) await this.#entries.collect();
    else await (await this.#site.database()).write(settleSlice);
  }

  /** Once calls that were left behind have ended, too. */
  async #expectNothingLeft(): Promise<void> {
    const owners = [...this.#living].map((process) => process.owner);
    const database = await this.#site.database();
    const left = () =>
      database.read(async (tx) => {
        const sql = 'SELECT owner FROM hf_memo_claim UNION ALL SELECT owner FROM hf_memo_wait';
        return (await tx.all<{ owner: string }>(sql)).filter(({ owner }) => owners.includes(owner)).length;
      });
    for (let looks = 0; (await left()) > 0; looks++) {
      if (looks === 100) return void this.problems.add('claims or waits that nobody ends');
      await sleep(20);
    }
  }

  #anyKey(): number {
    return this.#chance.below(this.#keys);
  }

  #anyProcess(): MemoProcess {
    return [...this.#living][this.#chance.below(this.#living.size)] as MemoProcess;
  }

  #happens(inAHundred: number): boolean {
    return this.#chance.below(100) < inAHundred;
  }
}

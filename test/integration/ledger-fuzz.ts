import { defineJob, items, jsonl, RetryAfter, sqlTransaction } from '../../index.ts';
import { FuzzedSource, type Record } from './fuzzed-source.ts';
import { Chance, inSmallChunks, LedgerWorld, type RunEnd } from './ledger-world.ts';

interface Plan {
  readonly seed: number;
  readonly source: 'jsonl' | 'items' | 'function';
  readonly onDuplicateKey: 'quarantine' | 'first';
  readonly chunk: number;
  readonly trouble: boolean;
}

/** One seeded life of a job: runs, deaths, changes of its source; throws with what is wrong. */
export async function fuzzLedger(seed: number, log: (text: string) => void = () => undefined): Promise<void> {
  const chance = new Chance(seed);
  const plan: Plan = {
    seed,
    source: chance.one(3) ? (chance.one(2) ? 'items' : 'function') : 'jsonl',
    onDuplicateKey: chance.one(2) ? 'first' : 'quarantine',
    chunk: 1 + chance.below(6),
    trouble: !chance.one(4),
  };
  log(JSON.stringify(plan));
  const life = new Life(plan, chance, log);
  try {
    await life.live();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await life.world.end();
  }
}

class Life {
  readonly world: LedgerWorld;
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #log: (text: string) => void;
  readonly #source: FuzzedSource;
  #strict = true;
  /** Whether what the strict schema refused was sent through again since. */
  #resent = true;

  constructor(plan: Plan, chance: Chance, log: (text: string) => void) {
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    this.world = new LedgerWorld(chance, (world) => this.#define(world));
    this.#source = new FuzzedSource({ ...plan, directory: this.world.directory, chance, log });
  }

  #define(world: LedgerWorld) {
    const { source, chunk, onDuplicateKey } = this.#plan;
    const all = {
      jsonl: () => jsonl<Record>('in.jsonl'),
      items: () => items(this.#source.list),
      function: () => items(() => [...this.#source.list]),
    };
    return defineJob({
      name: 'job',
      source: () => inSmallChunks<Record>(all[source](), chunk),
      schema: {
        '~standard': {
          version: 1,
          vendor: 'fuzz',
          validate: (value: unknown) => {
            const record = value as Record;
            if (this.#strict && record.v === 'odd') return { issues: [{ message: 'odd' }] };
            return { value: record };
          },
        },
      },
      key: (record: Record) => record.id,
      onDuplicateKey,
      concurrency: 3,
      tolerate: { failures: 100_000 },
      retry: { attempts: 3, delays: ['10s', '60s'] },
      run: async (record, ctx) => {
        if (!world.alive) throw new Error('dead');
        if (this.#chance.one(5)) await new Promise((resolve) => setTimeout(resolve, 1));
        const fails = this.#source.fails.get(record.id) ?? 0;
        if (fails > 0) {
          this.#source.fails.set(record.id, fails - 1);
          throw new Error('fails');
        }
        if (this.#source.later.delete(record.id)) throw new RetryAfter('20s');
        return { generation: Number(ctx.idempotencyKey.split('/')[1]), idempotencyKey: ctx.idempotencyKey };
      },
    }).to(
      sqlTransaction('sqlite:out.db', async (tx, outcomes) => {
        await tx.run(
          "CREATE TABLE IF NOT EXISTS effect (key TEXT, generation INTEGER, idem TEXT, CHECK (key NOT LIKE '%!'))",
        );
        for (const { key, item, result } of outcomes) {
          const stored = this.#source.refused.has(item.id) ? `${key}!` : key;
          await tx.run('INSERT INTO effect VALUES (?, ?, ?)', [stored, result.generation, result.idempotencyKey]);
        }
      }),
    );
  }

  async live(): Promise<void> {
    const chance = this.#chance;
    this.#source.change('new');
    const rounds = 2 + chance.below(5);
    let again = false;
    for (let round = 0; round < rounds; round++) {
      let mutated = false;
      const between = (step: number) => {
        if (this.#plan.source !== 'jsonl' || step > 20 || !chance.one(12)) return;
        this.#source.change();
        mutated = true;
      };
      const limit = chance.one(6) ? 1 + chance.below(20) : null;
      for (let deaths = chance.below(4); deaths > 0; deaths--) {
        const end = await this.world.run({ again, limit, dieAfter: chance.below(60), between });
        this.#log(`  ${end.kind}${again ? ' again' : ''}`);
        if (end.kind !== 'died' && again) again = false;
        if (chance.one(2)) this.#source.change();
        if (end.kind === 'died' && chance.one(8)) this.#mendSchema();
      }
      mutated = false;
      let end = await this.world.run({ again, limit, between });
      this.#log(`  ${end.kind} limit ${limit} ${mutated ? 'changed meanwhile' : ''}`);
      if (mutated || limit !== null) {
        if (limit !== null) await this.#checkNever();
        end = await this.world.run({});
        this.#log(`  ${end.kind} without`);
      }
      again = false;
      await this.#check(end);
      await this.#nothingNew();
      const next = chance.below(4);
      if (next === 0) await this.#mend();
      else if (next === 1 && chance.one(2)) again = true;
      else this.#source.change();
    }
  }

  /** Mends what fails, and sends it through again. */
  async #mend(): Promise<void> {
    this.#source.fails.clear();
    this.#source.refused.clear();
    this.#strict = false;
    this.#resent = true;
    const sent = await this.world.redrive();
    this.#log(`  mended, ${sent} sent again`);
    await this.#check(await this.world.run({}));
  }

  #mendSchema(): void {
    this.#log('  the schema is mended');
    if (this.#strict) this.#resent = false;
    this.#strict = false;
  }

  async #nothingNew(): Promise<void> {
    const end = await this.world.run({});
    if (end.kind !== 'nothing-new') throw new Error('a finished job that is run again finds something to do');
  }

  /** What must never be. */
  async #checkNever(): Promise<void> {
    const effects = await this.#effects();
    for (const { key, generation, times, idem } of effects) {
      if (times !== 1) throw new Error(`key ${key} has ${times} effects in generation ${generation}`);
      if (!this.#source.seen.has(key)) throw new Error(`key ${JSON.stringify(key)} has an effect and was never there`);
      if (idem !== `job/${generation}/${key}`) throw new Error(`key ${key} ran as ${idem}`);
    }
  }

  async #effects() {
    const [table] = await this.world.query("SELECT 1 FROM sqlite_master WHERE name = 'effect'");
    if (!table) return [];
    return this.world.query<{ key: string; generation: number; times: number; idem: string }>(
      'SELECT key, generation, count(*) AS times, max(idem) AS idem FROM effect GROUP BY key, generation',
    );
  }

  /** What must be at the end of a run in which the source did not change. */
  async #check(end: RunEnd): Promise<void> {
    await this.#checkNever();
    const { job, counts, items: left } = await this.world.look();
    const { read, applied, quarantined, unknown, waiting } = counts;
    if (read !== applied + quarantined + unknown || waiting !== 0)
      throw new Error(`read ${read}, applied ${applied}, quarantined ${quarantined}, waiting ${waiting}`);
    const state = quarantined > 0 ? 'partial' : 'complete';
    if (job.state !== state || end.kind === 'died')
      throw new Error(`it is ${job.state} with ${quarantined} quarantined`);
    const effects = (await this.#effects()).filter((effect) => effect.generation === job.generation);
    if (effects.length !== applied) throw new Error(`${effects.length} effects, ${applied} applied`);
    const landed = new Set(effects.map((effect) => effect.key));
    const failed = new Set(left.filter((item) => item.reason !== 'duplicate').map((item) => item.key));
    const { keys, keyless, doubles } = this.#source.expected({ strict: this.#strict, resent: this.#resent });
    for (const key of keys) {
      if (landed.has(key) && failed.has(key)) throw new Error(`key ${key} has landed and is quarantined`);
      if (!landed.has(key) && !failed.has(key)) throw new Error(`key ${key} is lost`);
    }
    const found = left.filter((item) => item.key === null).length;
    if (this.#strict && found !== keyless)
      throw new Error(`${found} records without a key, and the source has ${keyless}`);
    const twice = left.filter((item) => item.reason === 'duplicate');
    if (this.#plan.onDuplicateKey === 'first' && twice.length > 0) throw new Error('a duplicate was not left out');
    if (job.pass === 1 && this.#plan.onDuplicateKey === 'quarantine' && this.#strict && twice.length !== doubles)
      throw new Error(`${twice.length} duplicates, and the source has ${doubles}`);
  }
}

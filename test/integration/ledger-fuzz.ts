import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, items, jsonl, RetryAfter, sqlTransaction } from '../../index.ts';
import { Chance, inSmallChunks, LedgerWorld, type RunEnd } from './ledger-world.ts';

interface Record {
  readonly id: string;
  readonly v: string;
}

/** How a line of the source is meant. */
type Line =
  | { readonly kind: 'good'; readonly record: Record }
  /** Fails the schema while it is strict. */
  | { readonly kind: 'odd'; readonly record: Record }
  | { readonly kind: 'malformed'; readonly text: string };

interface Plan {
  readonly seed: number;
  readonly source: 'jsonl' | 'items' | 'function';
  readonly onDuplicateKey: 'quarantine' | 'first';
  readonly chunk: number;
  readonly trouble: boolean;
}

const KEYS = 60;

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
  #lines: Line[] = [];
  /** Bytes at the end of the last line that are not written yet. */
  #cut = 0;
  readonly #list: Record[] = [];
  /** Keys that were in the source at any time. */
  readonly #seen = new Set<string>();
  /** Calls that still fail, by key. */
  readonly #fails = new Map<string, number>();
  readonly #later = new Set<string>();
  readonly #refused = new Set<string>();
  #strict = true;
  /** Whether what the strict schema refused was sent through again since. */
  #resent = true;

  constructor(plan: Plan, chance: Chance, log: (text: string) => void) {
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    this.world = new LedgerWorld(chance, (world) => this.#define(world));
  }

  #define(world: LedgerWorld) {
    const { source, chunk, onDuplicateKey } = this.#plan;
    const all = {
      jsonl: () => jsonl<Record>('in.jsonl'),
      items: () => items(this.#list),
      function: () => items(() => [...this.#list]),
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
        const fails = this.#fails.get(record.id) ?? 0;
        if (fails > 0) {
          this.#fails.set(record.id, fails - 1);
          throw new Error('fails');
        }
        if (this.#later.delete(record.id)) throw new RetryAfter('20s');
        return { generation: Number(ctx.idempotencyKey.split('/')[1]), idempotencyKey: ctx.idempotencyKey };
      },
    }).to(
      sqlTransaction('sqlite:out.db', async (tx, outcomes) => {
        await tx.run(
          "CREATE TABLE IF NOT EXISTS effect (key TEXT, generation INTEGER, idem TEXT, CHECK (key NOT LIKE '%!'))",
        );
        for (const { key, item, result } of outcomes) {
          const stored = this.#refused.has(item.id) ? `${key}!` : key;
          await tx.run('INSERT INTO effect VALUES (?, ?, ?)', [stored, result.generation, result.idempotencyKey]);
        }
      }),
    );
  }

  async live(): Promise<void> {
    const chance = this.#chance;
    this.#change('new');
    const rounds = 2 + chance.below(5);
    let again = false;
    for (let round = 0; round < rounds; round++) {
      let mutated = false;
      const between = (step: number) => {
        if (this.#plan.source !== 'jsonl' || step > 20 || !chance.one(12)) return;
        this.#change();
        mutated = true;
      };
      const limit = chance.one(6) ? 1 + chance.below(20) : null;
      for (let deaths = chance.below(4); deaths > 0; deaths--) {
        const end = await this.world.run({ again, limit, dieAfter: chance.below(60), between });
        this.#log(`  ${end.kind}${again ? ' again' : ''}`);
        if (end.kind !== 'died' && again) again = false;
        if (chance.one(2)) this.#change();
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
      else this.#change();
    }
  }

  /** Mends what fails, and sends it through again. */
  async #mend(): Promise<void> {
    this.#fails.clear();
    this.#refused.clear();
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
      if (!this.#seen.has(key)) throw new Error(`key ${JSON.stringify(key)} has an effect and was never there`);
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
    const { keys, keyless, doubles } = this.#expected();
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

  #expected(): { readonly keys: ReadonlySet<string>; readonly keyless: number; readonly doubles: number } {
    const keys = new Set<string>();
    let keyless = 0;
    let doubles = 0;
    const shown =
      this.#plan.source === 'jsonl'
        ? readFileSync(join(this.world.directory, 'in.jsonl'), 'utf8').split('\n')
        : this.#list.map((record) => JSON.stringify(record));
    for (const text of shown) {
      if (text === '') continue;
      let record: Record;
      try {
        record = JSON.parse(text) as Record;
      } catch {
        keyless++;
        continue;
      }
      if (this.#strict && record.v === 'odd') keyless++;
      else if (record.v === 'odd' && !this.#resent) continue;
      else if (keys.has(record.id)) doubles++;
      else keys.add(record.id);
    }
    return { keys, keyless, doubles };
  }

  #line(): Line {
    const chance = this.#chance;
    const id = `k${chance.below(KEYS)}`;
    if (this.#plan.trouble) {
      if (this.#plan.source === 'jsonl' && chance.one(15)) return { kind: 'malformed', text: `{"id":"${id}"` };
      if (chance.one(15)) return { kind: 'odd', record: { id: `o${chance.below(KEYS)}`, v: 'odd' } };
      if (chance.one(8)) this.#fails.set(id, chance.one(3) ? Number.POSITIVE_INFINITY : 1 + chance.below(2));
      if (chance.one(15)) this.#later.add(id);
      if (chance.one(20)) this.#refused.add(id);
    }
    return { kind: 'good', record: { id, v: String(chance.below(10)) } };
  }

  /** Lines with few keys twice. */
  #some(count: number): Line[] {
    const taken = new Set(this.#lines.map((line) => (line.kind === 'malformed' ? '' : line.record.id)));
    const lines: Line[] = [];
    while (lines.length < count) {
      const line = this.#line();
      const id = line.kind === 'malformed' ? null : line.record.id;
      if (id !== null && taken.has(id) && !this.#chance.one(15) && taken.size < KEYS) continue;
      if (id !== null) taken.add(id);
      lines.push(line);
    }
    return lines;
  }

  /** Changes the source in a way that happens to files. */
  #change(how: 'new' | 'any' = 'any'): void {
    const chance = this.#chance;
    const kind =
      how === 'new'
        ? 'new'
        : (['append', 'append', 'cut', 'replace', 'edit', 'mend', 'none'] as const)[chance.below(7)];
    this.#log(`    ${kind}`);
    if (kind === 'none') return;
    if (this.#plan.source === 'function' && kind !== 'new') {
      // The order must be the same each time.
      this.#lines.push(...this.#some(1 + chance.below(6)));
      this.#write('append');
      return;
    }
    const path = join(this.world.directory, 'in.jsonl');
    if (kind === 'append' || kind === 'cut' || kind === 'new') {
      this.#lines.push(...this.#some(how === 'new' ? 5 + chance.below(25) : 1 + chance.below(8)));
      const before = how === 'new' || this.#plan.source !== 'jsonl' ? '' : readFileSync(path, 'utf8');
      const text = this.#text();
      this.#cut = kind === 'cut' || chance.one(6) ? 1 + chance.below(chance.one(2) ? 1 : 8) : 0;
      this.#write(kind === 'new' ? 'replace' : 'append', before.length, text);
      return;
    }
    if (kind === 'replace') {
      this.#lines = chance.shuffle(this.#lines).slice(0, Math.ceil(this.#lines.length * (0.5 + chance.next() / 2)));
      this.#lines.push(...this.#some(chance.below(6)));
      this.#lines = chance.one(2) ? chance.shuffle(this.#lines) : this.#lines;
    } else if (kind === 'edit') {
      const at = chance.below(this.#lines.length);
      const line = this.#lines[at];
      if (line?.kind === 'good')
        this.#lines[at] = { kind: 'good', record: { id: line.record.id, v: String(chance.below(10)) } };
    } else {
      this.#lines = this.#lines.map((line) => (line.kind === 'good' ? line : (this.#some(1)[0] as Line)));
    }
    this.#cut = 0;
    this.#write(kind === 'edit' ? 'edit' : 'replace');
  }

  #text(): string {
    return this.#lines
      .map((line) => `${line.kind === 'malformed' ? line.text : JSON.stringify(line.record)}\n`)
      .join('');
  }

  #write(how: 'append' | 'replace' | 'edit', from = 0, text = this.#text()): void {
    for (const line of this.#lines) if (line.kind !== 'malformed') this.#seen.add(line.record.id);
    this.#list.splice(
      0,
      this.#list.length,
      ...this.#lines.flatMap((line) => (line.kind === 'malformed' ? [] : [line.record])),
    );
    if (this.#plan.source !== 'jsonl') return;
    const path = join(this.world.directory, 'in.jsonl');
    const shown = text.slice(0, text.length - this.#cut);
    if (how === 'append') appendFileSync(path, shown.slice(from));
    else if (how === 'edit') writeFileSync(path, shown);
    else {
      writeFileSync(`${path}.new`, shown);
      renameSync(`${path}.new`, path);
    }
  }
}

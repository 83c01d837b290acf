import { checkRecords, type GoodRecord, type RangeRecords } from '../activities/range-records.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { JobSpec } from '../definitions/job.ts';
import { DEFAULTS } from '../definitions/limits.ts';
import type { SettledKeys } from '../ledger/settled-keys.ts';
import type { SourcePort, SourceReader } from '../sources/source.ts';
import type { MemoPlan } from './plan-memo.ts';

/** Why a record cannot become an item. */
export type Refusal = 'malformed' | 'too-large' | 'schema' | 'key';

export interface ItemCounts {
  /** Records of the source. */
  readonly read: number;
  /** Whose keys have landed, in the job's generation. */
  readonly landed: number;
  /** Quarantined or unknown there already; the run leaves them as they are. */
  readonly setAside: number;
  /** Records that cannot become items, by reason. */
  readonly refused: Readonly<Record<Refusal, number>>;
  /** The first refused records, as the quarantine would tell. */
  readonly examples: readonly string[];
  /** What the run calls the job's function or task for, or takes stored results. */
  readonly toRun: number;
}

export interface ItemPlanOptions {
  readonly spec: JobSpec;
  readonly source: SourcePort<unknown>;
  /** What a generation has done already; null: nothing. */
  readonly settled: SettledKeys | null;
  /** Whether a run sends quarantined items through again. */
  readonly redrives: boolean;
  readonly memo: MemoPlan | null;
  readonly limit: number | null;
  /** Called after each range. */
  readonly onRange: (read: number) => void;
}

const EXAMPLES_MAX = 3;

/** Counts what a run would do with each record of a source, a range at a time: memory does not grow with the source. */
export class ItemPlan {
  readonly #options: ItemPlanOptions;
  readonly #refused: Record<Refusal, number> = { malformed: 0, 'too-large': 0, schema: 0, key: 0 };
  readonly #examples: string[] = [];
  #read = 0;
  #landed = 0;
  #setAside = 0;
  #toRun = 0;

  constructor(options: ItemPlanOptions) {
    this.#options = options;
  }

  /** Reads the source to its end, or its limit. Errors: those of the source, HF_SOURCE_REPLACED. */
  async count(): Promise<ItemCounts> {
    const { source, limit, onRange } = this.#options;
    const reader = await source.open({ directory: process.cwd() });
    try {
      let from = reader.start;
      for (let left = limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
        const records = Math.min(left, DEFAULTS.chunkRecordsMax);
        const range = await reader.plan(from, { records, bytes: DEFAULTS.chunkBytesMax });
        if (range === null) break;
        await this.#take(await this.#readRange(reader, range));
        left -= range.records;
        from = range.next;
        onRange(this.#read);
        if (range.end) break;
      }
    } finally {
      await reader.close();
    }
    return {
      read: this.#read,
      landed: this.#landed,
      setAside: this.#setAside,
      refused: this.#refused,
      examples: this.#examples,
      toRun: this.#toRun,
    };
  }

  async #readRange(reader: SourceReader<unknown>, range: Parameters<typeof reader.read>[0]): Promise<RangeRecords> {
    const { spec, source } = this.#options;
    const read = await reader.read(range);
    if (read.kind === 'changed')
      throw new HoldfastError('HF_SOURCE_REPLACED', { file: source.title, reason: read.reason });
    return checkRecords({ spec }, read.records);
  }

  async #take({ records, hashes }: RangeRecords): Promise<void> {
    const { settled, redrives, memo } = this.#options;
    const states = (await settled?.statesOf(hashes)) ?? null;
    const open: GoodRecord[] = [];
    this.#read += records.length;
    for (const [index, record] of records.entries()) {
      const state = states?.[index] ?? 'open';
      if (record.kind === 'bad') this.#refuse(record.reason, record.error);
      else if (state === 'landed') this.#landed++;
      else if (state === 'open' || state === 'waiting' || redrives) open.push(record);
      else this.#setAside++;
    }
    this.#toRun += open.length;
    await memo?.take(open);
  }

  /** @param error JSON with a message */
  #refuse(reason: string, error: string): void {
    this.#refused[reason as Refusal]++;
    if (this.#examples.length < EXAMPLES_MAX)
      this.#examples.push((JSON.parse(error) as { readonly message: string }).message);
  }
}

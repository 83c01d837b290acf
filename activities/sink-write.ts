import type { Transaction } from '../database/database.ts';
import type { AnyPrepared, JobSession } from './job-session.ts';
import { throughLocks } from './through-locks.ts';

/** How one transaction with a sink's effects went. */
export type SinkWrite =
  | { readonly kind: 'written' }
  /** The sink refused a row; everything was rolled back. */
  | { readonly kind: 'refused'; readonly error: unknown };

export interface NarrowDown<Entry> {
  readonly write: (entries: readonly Entry[]) => Promise<SinkWrite>;
  /** The entry in the form in which it is written without its effect: quarantined with the error. */
  readonly refuse: (entry: Entry, error: unknown) => Entry;
}

/**
 * Writes a batch; where the sink refuses it, writes its halves, down to the item that it is about, which is quarantined.
 * `write` throws what no item is to blame for (a full disk, a missing table).
 */
export async function narrowDown<Entry>(entries: readonly Entry[], how: NarrowDown<Entry>): Promise<void> {
  const result = await how.write(entries);
  if (result.kind === 'written') return;
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) {
    const again = await how.write([how.refuse(only, result.error)]);
    if (again.kind === 'refused') throw again.error;
    return;
  }
  const middle = entries.length >> 1;
  await narrowDown(entries.slice(0, middle), how);
  await narrowDown(entries.slice(middle), how);
}

/** An item's effect: what the sink prepared, or (without a sink) its result as text. */
export interface Effect {
  readonly chunk: number;
  readonly position: number;
  readonly key: string;
  readonly prepared: AnyPrepared | null;
  readonly result: unknown;
}

/** Writes effects inside the ledger's transaction: by the sink, or as results that are kept. */
async function writeEffects(tx: Transaction, session: JobSession, effects: readonly Effect[]): Promise<void> {
  if (effects.length === 0) return;
  const { sink, job } = session;
  if (sink) {
    const batch = effects.map((effect) => effect.prepared as AnyPrepared);
    return sink.write(tx, batch);
  }
  await tx.runMany(
    'INSERT INTO hf_result (job_no, chunk, position, key, result) VALUES (?, ?, ?, ?, ?)',
    effects.map(({ chunk, position, key, result }) => [job.job_no, chunk, position, key, result as string]),
  );
}

export interface EffectCommit {
  /** The guard and the ledger's record: the first statements. */
  readonly record: (tx: Transaction) => Promise<void>;
  readonly effects: readonly Effect[];
}

/** Commits effects with their record in one transaction; tells a row that was refused from what no item is to blame for. */
export function commitEffects(session: JobSession, { record, effects }: EffectCommit): Promise<SinkWrite> {
  const { ledger, deps } = session;
  return throughLocks(deps, async () => {
    // What comes behind the record is the sink's too: some constraints are checked only at the commit.
    let sinkAsked = false;
    try {
      await ledger.write(async (tx) => {
        await record(tx);
        sinkAsked = true;
        await writeEffects(tx, session, effects);
        deps.reach('inside-commit');
      });
      return { kind: 'written' };
    } catch (error) {
      if (sinkAsked && ledger.database.isDataError(error)) return { kind: 'refused', error };
      throw error;
    }
  });
}

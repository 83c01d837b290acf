import type { Database, Transaction } from '../database/database.ts';
import { type ClaimRow, readClaims } from './claim-rows.ts';
import type { MissReason } from './entries.ts';
import { judge } from './entry.ts';
import type { EntryIndex, FoundRows } from './entry-index.ts';
import { fileOf, isIntact } from './entry-view.ts';
import { hashOf, valueTextOf } from './key.ts';
import type { MemoKey, MemoTask } from './memoization.ts';
import { findNearest } from './nearest.ts';
import { describeParts } from './parts.ts';

/** Keys of a query; each is looked for under every version of its task. */
const BATCH = 500;

export interface ExplainOptions {
  readonly database: Database;
  readonly index: EntryIndex;
  readonly now: () => number;
  /** Processes whose claims hold no more. */
  readonly dead: ReadonlySet<string>;
  /** Whether results are read to see whether they are damaged; else files are only looked at. */
  readonly thorough: boolean;
}

/** Why keys are no hits, one for each: null for a hit. Never `part`. */
export async function reasonsOf(
  task: MemoTask,
  keys: readonly MemoKey[],
  options: ExplainOptions,
): Promise<readonly (MissReason | null)[]> {
  const reasons: (MissReason | null)[] = [];
  for (let from = 0; from < keys.length; from += BATCH) {
    const batch = keys.slice(from, from + BATCH);
    const found = await options.database.read((tx) => readAll(tx, options.index, { task, keys: batch }));
    reasons.push(...(await Promise.all(batch.map((key) => reasonOf(key, task, found, options)))));
  }
  return reasons;
}

/** What the store has for keys. */
interface Found {
  readonly entries: FoundRows;
  readonly claims: ReadonlyMap<string, ClaimRow>;
  /** Newest entry under another version, by the hash of the present one. */
  readonly others: ReadonlyMap<string, { readonly version: string; readonly madeAt: number }>;
}

async function readAll(
  tx: Transaction,
  index: EntryIndex,
  { task, keys }: { readonly task: MemoTask; readonly keys: readonly MemoKey[] },
): Promise<Found> {
  const hashes = keys.map((key) => key.hash);
  const entries = await index.read(tx, hashes);
  const claims = await readClaims(tx, hashes);
  const versions = await tx.all<{ version: string }>(
    'SELECT version FROM hf_memo_task WHERE name = ? AND version <> ?',
    [task.name, task.version],
  );
  const others = new Map<string, { version: string; madeAt: number }>();
  for (const { version } of versions) {
    const missed = keys.filter((key) => !entries.has(key.hash) && valueTextOf(key) !== null);
    const otherHash = (key: MemoKey) => hashOf({ name: task.name, version }, valueTextOf(key) ?? '');
    const rows = await index.read(tx, missed.map(otherHash));
    for (const key of missed) {
      const row = rows.get(otherHash(key));
      const madeAt = others.get(key.hash)?.madeAt ?? Number.NEGATIVE_INFINITY;
      if (row !== undefined && row.made_at > madeAt) others.set(key.hash, { version, madeAt: row.made_at });
    }
  }
  return { entries, claims, others };
}

async function reasonOf(
  { hash }: MemoKey,
  task: MemoTask,
  found: Found,
  options: ExplainOptions,
): Promise<MissReason | null> {
  const row = found.entries.get(hash);
  const judged = row === undefined ? null : judge(row, task, { now: options.now(), notBefore: null });
  const isWhole = row !== undefined && judged?.kind === 'valid' && (await isIntact(row, options.thorough));
  if (isWhole) return null;
  const claim = found.claims.get(hash);
  if (claim !== undefined && !options.dead.has(claim.owner)) return { kind: 'running' };
  if (row !== undefined && judged !== null) {
    if (judged.kind === 'expired' || judged.kind === 'invalidated') return judged;
    return { kind: 'damaged', file: fileOf(row) };
  }
  const other = found.others.get(hash);
  return other === undefined ? { kind: 'never' } : { kind: 'version', from: other.version, to: task.version };
}

/** The part of a key's value that makes it another one than the nearest stored entry's; null where none is near. */
export async function partReason(task: MemoTask, key: MemoKey, database: Database): Promise<MissReason | null> {
  const value = valueTextOf(key);
  if (value === null) return null;
  const names = [task.name, task.version];
  const sql = 'SELECT task_no FROM hf_memo_task WHERE name = ? AND version = ?';
  const [row] = await database.read((tx) => tx.all<{ task_no: number }>(sql, names));
  if (row === undefined) return null;
  const parts = { plain: describeParts(value, false), hidden: describeParts(value, true) };
  const nearest = await findNearest(database, { taskNo: row.task_no, ...parts });
  return nearest === null ? null : { kind: 'part', changes: nearest.changes, nearest: nearest.key };
}

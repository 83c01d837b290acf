import type { Transaction } from '../database/database.ts';
import type { ItemReason, ItemRow, ItemState } from './rows.ts';

/** An item that did not simply land, as it enters the ledger. */
export interface NewItem {
  readonly chunk: number;
  readonly position: number;
  readonly key: string | null;
  readonly state: ItemState;
  readonly reason: ItemReason;
  readonly attempts: number;
  readonly dueAt: number | null;
  /** Encoded; null where the record could not be read as an item (`raw` text is in the error then). */
  readonly input: string | null;
  /** JSON: code, message, and what else is known. */
  readonly error: string;
  /** JSON of a Place. */
  readonly place: string;
  readonly now: number;
}

export async function insertItems(tx: Transaction, jobNo: number, items: readonly NewItem[]): Promise<void> {
  if (items.length === 0) return;
  await tx.runMany(
    `INSERT INTO hf_item (job_no, chunk, position, key, state, reason, attempts, due_at, input, error, place, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    items.map((item) => [
      jobNo,
      item.chunk,
      item.position,
      item.key,
      item.state,
      item.reason,
      item.attempts,
      item.dueAt,
      item.input,
      item.error,
      item.place,
      item.now,
    ]),
  );
}

/** Quarantined and unknown items in source order, from behind a place on; a page at a time. */
export async function listFailures(
  tx: Transaction,
  page: { readonly jobNo: number; readonly afterChunk: number; readonly afterPosition: number; readonly limit: number },
): Promise<ItemRow[]> {
  return tx.all<ItemRow>(
    `SELECT * FROM hf_item WHERE job_no = ? AND state <> 'waiting' AND (chunk > ? OR (chunk = ? AND position > ?))
     ORDER BY chunk, position LIMIT ?`,
    [page.jobNo, page.afterChunk, page.afterChunk, page.afterPosition, page.limit],
  );
}

/** Reasons whose items can be sent through again as they are; the rest need another source or key function. */
export const REDRIVABLE: readonly ItemReason[] = ['failed', 'schema', 'sink', 'too-large'];

/** Sends quarantined items through again, with fresh tries: all, or those with the keys. Returns how many. */
export async function redrive(
  tx: Transaction,
  request: { readonly jobNo: number; readonly keys: readonly string[] | null; readonly now: number },
): Promise<number> {
  const reasons = REDRIVABLE.map((reason) => `'${reason}'`).join(', ');
  const set = `UPDATE hf_item SET state = 'waiting', attempts = 0, due_at = ?, lane = NULL, updated_at = ?
     WHERE job_no = ? AND state = 'quarantined' AND input IS NOT NULL AND reason IN (${reasons})`;
  const common = [request.now, request.now, request.jobNo];
  if (request.keys === null) return tx.run(set, common);
  return tx.runMany(
    `${set} AND key = ?`,
    request.keys.map((key) => [...common, key]),
  );
}

/** Better words for an item's error, found after it was stored. */
export async function updateError(
  tx: Transaction,
  item: { readonly jobNo: number; readonly chunk: number; readonly position: number; readonly error: string },
): Promise<void> {
  await tx.run('UPDATE hf_item SET error = ? WHERE job_no = ? AND chunk = ? AND position = ?', [
    item.error,
    item.jobNo,
    item.chunk,
    item.position,
  ]);
}

import type { Transaction } from '../database/database.ts';
import { hexOf, wholeBytes } from './key-bytes.ts';
import { selectMany } from './many.ts';

/** A call within the computation of `waiter` waits for `awaited`. */
export interface Wait {
  readonly waiter: string;
  /** Of the waiter's claim. */
  readonly token: string;
  readonly awaited: string;
}

export async function writeWaits(tx: Transaction, waits: readonly Wait[], owner: string): Promise<void> {
  if (waits.length === 0) return;
  await tx.runMany(
    'INSERT INTO hf_memo_wait (waiter, token, awaited, owner) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    waits.map((wait) => [wholeBytes(wait.waiter), wait.token, wholeBytes(wait.awaited), owner]),
  );
}

export async function endWaits(tx: Transaction, waits: readonly Wait[]): Promise<void> {
  if (waits.length === 0) return;
  await tx.runMany(
    'DELETE FROM hf_memo_wait WHERE waiter = ? AND token = ? AND awaited = ?',
    waits.map((wait) => [wholeBytes(wait.waiter), wait.token, wholeBytes(wait.awaited)]),
  );
}

export interface CircleSearch {
  /** The key that would be waited for. */
  readonly from: string;
  /** Hashes of the keys whose computation would wait. */
  readonly own: ReadonlySet<string>;
  /** Owners whose waits are over, because they are dead. */
  readonly dead: ReadonlySet<string>;
}

/**
 * Whether a wait would close a circle: whether the computation of the awaited key waits, over however many others, for one of
 * the own keys. Null: it would not; else the owners of the waits that lead there.
 */
export async function findCircle(tx: Transaction, search: CircleSearch): Promise<ReadonlySet<string> | null> {
  const seen = new Set([search.from]);
  const owners = new Set<string>();
  let frontier = [search.from];
  while (frontier.length > 0) {
    const rows = await selectMany<{ awaited: Uint8Array; owner: string }>(tx, {
      // By key and not by claim: who is computed here under a claim that was invalidated still holds up those who wait here.
      sql: 'SELECT DISTINCT awaited, owner FROM hf_memo_wait WHERE waiter IN (?)',
      list: frontier.map((hash) => wholeBytes(hash)),
    });
    frontier = [];
    for (const { awaited, owner } of rows) {
      if (search.dead.has(owner)) continue;
      owners.add(owner);
      const hash = hexOf(awaited);
      if (search.own.has(hash)) return owners;
      if (seen.has(hash)) continue;
      seen.add(hash);
      frontier.push(hash);
    }
  }
  return null;
}

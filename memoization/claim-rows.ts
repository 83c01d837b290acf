import type { SqlValue, Transaction } from '../database/database.ts';
import { hexOf, keyBytes } from './key-bytes.ts';
import { changeMany, selectMany } from './many.ts';

/** Who computes a key. */
export interface ClaimRow {
  readonly key: Uint8Array;
  readonly token: string;
  readonly owner: string;
}

export interface NewClaim {
  readonly hash: string;
  readonly token: string;
  readonly owner: string;
  readonly taskNo: number;
  readonly claimedAt: number;
}

export interface HeldClaim {
  readonly hash: string;
  readonly token: string;
}

/** The present claims of keys, by hash. */
export async function readClaims(tx: Transaction, hashes: readonly string[]): Promise<Map<string, ClaimRow>> {
  const rows = await selectMany<ClaimRow>(tx, {
    sql: 'SELECT key, token, owner FROM hf_memo_claim WHERE key IN (?)',
    list: hashes.map((hash) => keyBytes(hash).whole),
  });
  return new Map(rows.map((row) => [hexOf(row.key), row]));
}

const INSERT = `INSERT INTO hf_memo_claim (key, token, owner, task_no, claimed_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET token = excluded.token, owner = excluded.owner, task_no = excluded.task_no,
    claimed_at = excluded.claimed_at`;

/** Writes claims, over those of dead owners. */
export async function writeClaims(tx: Transaction, claims: readonly NewClaim[]): Promise<void> {
  const rows = claims.map((claim): readonly SqlValue[] => [
    keyBytes(claim.hash).whole,
    claim.token,
    claim.owner,
    claim.taskNo,
    claim.claimedAt,
  ]);
  if (rows.length > 0) await tx.runMany(INSERT, rows);
}

/** Ends claims, each only under its own token; resolves to those that were current. */
export async function endClaims(tx: Transaction, held: readonly HeldClaim[]): Promise<ReadonlySet<string>> {
  const current = await readClaims(
    tx,
    held.map((claim) => claim.hash),
  );
  const own = held.filter((claim) => current.get(claim.hash)?.token === claim.token);
  await changeMany(tx, {
    sql: 'DELETE FROM hf_memo_claim WHERE key IN (?)',
    list: own.map((claim) => keyBytes(claim.hash).whole),
  });
  return new Set(own.map((claim) => claim.token));
}

import type { SqlValue, Transaction } from '../database/database.ts';
import { hexOf, wholeBytes } from './key-bytes.ts';
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
    list: hashes.map((hash) => wholeBytes(hash)),
  });
  return new Map(rows.map((row) => [hexOf(row.key), row]));
}

const INSERT = 'INSERT INTO hf_memo_claim (key, token, owner, task_no, claimed_at) VALUES (?, ?, ?, ?, ?)';
const NOT_OVER = `${INSERT} ON CONFLICT (key) DO NOTHING`;
const OVER = `${INSERT} ON CONFLICT (key) DO UPDATE SET token = excluded.token, owner = excluded.owner,
  task_no = excluded.task_no, claimed_at = excluded.claimed_at`;

/** Writes claims on keys that nobody holds; resolves to how many were written. */
export async function insertClaims(tx: Transaction, claims: readonly NewClaim[]): Promise<number> {
  return claims.length === 0 ? 0 : tx.runMany(NOT_OVER, claims.map(rowOf));
}

/** Writes claims over those of dead owners. */
export async function replaceClaims(tx: Transaction, claims: readonly NewClaim[]): Promise<void> {
  if (claims.length > 0) await tx.runMany(OVER, claims.map(rowOf));
}

function rowOf(claim: NewClaim): readonly SqlValue[] {
  return [wholeBytes(claim.hash), claim.token, claim.owner, claim.taskNo, claim.claimedAt];
}

/**
 * Ends claims, each only under its own token, which no other claim has; resolves to those that were current. The tokens are read
 * first: half the price of a DELETE that returns what it deleted.
 */
export async function endClaims(tx: Transaction, held: readonly HeldClaim[]): Promise<ReadonlySet<string>> {
  const keys = held.map((claim) => wholeBytes(claim.hash));
  const rows = await selectMany<{ token: string }>(tx, {
    sql: 'SELECT token FROM hf_memo_claim WHERE key IN (?)',
    list: keys,
  });
  const found = new Set(rows.map((row) => row.token));
  const isCurrent = held.map((claim) => found.has(claim.token));
  await changeMany(tx, {
    sql: 'DELETE FROM hf_memo_claim WHERE key IN (?)',
    list: keys.filter((_, n) => isCurrent[n]),
  });
  return new Set(held.filter((_, n) => isCurrent[n]).map((claim) => claim.token));
}

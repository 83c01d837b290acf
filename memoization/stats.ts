import type { Transaction } from '../database/database.ts';
import type { TaskStats } from './entries.ts';

interface Row {
  readonly task: string;
  readonly version: string;
  readonly entries: number | null;
  readonly expired: number | null;
  readonly invalidated: number | null;
  readonly bytes: number | null;
  readonly cost_ms: number | null;
  readonly oldest_at: number | null;
  readonly newest_at: number | null;
  readonly running: number | null;
}

const SQL = `SELECT name AS task, version, entries, expired, invalidated, bytes, cost_ms, oldest_at, newest_at, running
  FROM hf_memo_task
  LEFT JOIN (
    SELECT task_no, count(*) AS entries, count(invalidated_at) AS invalidated,
      sum(invalidated_at IS NULL AND expires_at IS NOT NULL AND expires_at <= ?) AS expired,
      sum(bytes) AS bytes, min(made_at) AS oldest_at, max(made_at) AS newest_at,
      sum(CASE WHEN invalidated_at IS NULL AND coalesce(expires_at > ?, 1) THEN cost_ms END) AS cost_ms
    FROM hf_memo GROUP BY task_no
  ) USING (task_no)
  LEFT JOIN (SELECT task_no, count(*) AS running FROM hf_memo_claim
    WHERE owner NOT IN (SELECT value FROM json_each(?)) GROUP BY task_no) USING (task_no)
  WHERE entries > 0 OR running > 0
  ORDER BY name, version`;

export interface StatsOptions {
  readonly now: number;
  /** Processes whose claims hold no more. */
  readonly dead: readonly string[];
}

/** What there is of each task and version. */
export async function readStats(tx: Transaction, { now, dead }: StatsOptions): Promise<readonly TaskStats[]> {
  const rows = await tx.all<Row>(SQL, [now, now, JSON.stringify(dead)]);
  return rows.map((row) => ({
    task: row.task,
    version: row.version,
    entries: row.entries ?? 0,
    expired: row.expired ?? 0,
    invalidated: row.invalidated ?? 0,
    running: row.running ?? 0,
    bytes: row.bytes ?? 0,
    costMs: row.cost_ms ?? 0,
    oldestAt: row.oldest_at,
    newestAt: row.newest_at,
  }));
}

import { expect } from '@jest/globals';
import type { CrashSite } from './site.ts';

interface Sums {
  readonly read: number;
  readonly applied: number;
  readonly known: number;
  readonly calls: number;
}

/** Every one of the keys has exactly one effect, and nothing else has any. */
export function expectOnce(site: CrashSite, keys: Iterable<string>): void {
  const rows = site.query<{ key: string; n: number }>('SELECT key, count(*) AS n FROM effect GROUP BY key');
  const doubled = rows.filter((row) => row.n !== 1);
  const found = new Set(rows.map((row) => row.key));
  const wanted = new Set(keys);
  const missing = [...wanted].filter((key) => !found.has(key));
  const alien = [...found].filter((key) => !wanted.has(key));
  expect({ doubled, missing, alien }).toEqual({ doubled: [], missing: [], alien: [] });
}

/** The completeness equation of the newest generation, from durable records only; returns its numbers. */
export function expectComplete(site: CrashSite, expected: Partial<Sums & { quarantined: number }> = {}): void {
  const [job] = site.query<{ job_no: number }>('SELECT job_no FROM hf_job ORDER BY generation DESC LIMIT 1');
  const [sums] = site.query<Sums>(
    `SELECT sum(read) AS read, sum(applied) AS applied, sum(known) AS known, sum(calls) AS calls
     FROM hf_chunk WHERE job_no = ${job?.job_no}`,
  );
  const states = site.query<{ state: string; n: number }>(
    `SELECT state, count(*) AS n FROM hf_item WHERE job_no = ${job?.job_no} GROUP BY state`,
  );
  const count = (state: string) => states.find((row) => row.state === state)?.n ?? 0;
  const numbers = { ...(sums as Sums), quarantined: count('quarantined') };
  expect(count('waiting')).toBe(0);
  expect(numbers.read).toBe(numbers.applied + numbers.quarantined + count('unknown'));
  expect(numbers).toMatchObject(expected);
}

/** Each key was called; those called again are no more than what the kills caught: in flight, and a quarter of a second's work. */
export function expectFewCallsAgain(
  site: CrashSite,
  { items, kills }: { readonly items: number; readonly kills: number },
): void {
  const { concurrency, callMs } = site.job;
  const quarterSecond = Math.ceil((concurrency * 250) / Math.max(1, callMs));
  const calls = site.calls();
  expect(new Set(calls).size).toBe(items);
  expect(calls.length - items).toBeLessThanOrEqual(kills * (2 * concurrency + quarterSecond));
}

/** Ranges of a generation's pass follow one another without a gap or an overlap. */
export function expectContiguous(site: CrashSite): void {
  const rows = site.query<{ number: number; pass: number; from_cursor: string; next_cursor: string }>(
    'SELECT number, pass, from_cursor, next_cursor FROM hf_chunk WHERE kind = 0 ORDER BY job_no, number',
  );
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    if (before && before.number === row.number - 1 && before.pass === row.pass)
      expect(row.from_cursor).toBe(before.next_cursor);
  });
}

import type { JobStatus, Summary } from '../client/index.ts';
import { describeMemo } from './end-report.ts';
import { count, counted, duration, percent, rate, shellWord, time } from './format.ts';

export function noWorkerLine({ job }: Summary): string {
  return `no worker runs for it: holdfast run FILE (or holdfast worker FILE) with the file of job ${job} goes on with it`;
}

/** A job's status as lines for people. */
export function describeStatus(summary: Summary, status: JobStatus | null, workers: number): readonly string[] {
  const { jobId, job, generation, state, items, chunks, calls, memo } = summary;
  const open = state === 'running' || state === 'paused';
  const named = jobId === job ? '' : `job ${job}, `;
  const rows: (readonly [string, string])[] = [['items', describeItems(items)]];
  rows.push(['calls', `${count(calls.made)} made, ${count(calls.retried)} of them retries`]);
  if (memo.hits + memo.misses > 0) rows.push(['memoized', describeMemo(memo).slice(0, -1)]);
  rows.push([
    'chunks',
    `${count(chunks.done)} of ${count(chunks.planned)} done${items.total === null ? ', more to be planned' : ''}`,
  ]);
  rows.push([open ? 'running' : 'ran', describeTimes(summary, status, workers)]);
  if (status) rows.push(...describeSettings(summary, status, open));
  if (open)
    rows.push([
      'workers',
      workers === 0 ? noWorkerLine(summary) : counted(workers, 'process').replace('processs', 'processes'),
    ]);
  rows.push(...nextSteps(summary, status));
  return [
    `${jobId}: ${state} (${named}generation ${generation})`,
    ...rows.map(([head, text]) => `  ${head.padEnd(8)} ${text}`),
  ];
}

function describeItems(items: Summary['items']): string {
  const of = items.total === null ? ` of ${count(items.read)} read so far` : ` of ${count(items.total)}`;
  const share = items.total === null ? '' : ` (${percent(items.applied, items.total)})`;
  const others = [
    items.waiting > 0 ? `${count(items.waiting)} waiting for ${items.waiting === 1 ? 'its' : 'their'} next try` : null,
    items.quarantined > 0 ? `${count(items.quarantined)} quarantined` : null,
    items.unknown > 0 ? `${count(items.unknown)} unknown` : null,
  ].filter(Boolean);
  return [`${count(items.applied)}${of} applied${share}`, ...others].join(' · ');
}

function describeTimes(
  { state, items, elapsedMs, itemsPerSecond, thisRun }: Summary,
  status: JobStatus | null,
  workers: number,
): string {
  const since = status ? ` since ${time(status.startedAt)}` : '';
  const parts = [`${duration(elapsedMs)}${state === 'running' || state === 'paused' ? since : ''}`];
  if (!since.length) parts[0] = `waits for its first worker for ${duration(elapsedMs)}`;
  if (status?.endedAt) parts.push(`ended ${time(status.endedAt)}`);
  if (thisRun.applied > 0) parts.push(`${count(thisRun.applied)} applied in this run`);
  // Nobody works on it: its rate sinks, and says nothing of what is left.
  if ((state === 'running' || state === 'paused') && workers === 0) return parts.join(' · ');
  if (thisRun.applied > 0) parts.push(rate(itemsPerSecond));
  const decided = items.applied + items.quarantined + items.unknown;
  if (state === 'running' && items.total !== null && itemsPerSecond > 0) {
    parts.push(`about ${duration(((items.total - decided) / itemsPerSecond) * 1_000)} left`);
  }
  return parts.join(' · ');
}

function describeSettings(summary: Summary, status: JobStatus, open: boolean): (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [
    ['params', status.params],
    ['source', `${status.source}${status.limit === null ? '' : `, the first ${counted(status.limit, 'item')}`}`],
    ['sink', status.sink],
  ];
  if (!open) return rows;
  const calls = status.ratePerSecond === null ? 'no limit of calls' : `at most ${rate(status.ratePerSecond)} calls`;
  rows.push([
    'control',
    `concurrency ${count(status.concurrency)}, ${calls}${status.cancelling ? ', being cancelled' : ''}`,
  ]);
  if (status.nextDueAt !== null && summary.items.waiting > 0) {
    const ms = status.nextDueAt - Date.now();
    rows.push(['retries', ms <= 0 ? 'due now' : `the next is due in ${duration(ms)}`]);
  }
  return rows;
}

function nextSteps({ jobId, state, items }: Summary, status: JobStatus | null): (readonly [string, string])[] {
  const id = shellWord(jobId);
  const rows: (readonly [string, string])[] = [];
  if (status?.error) rows.push(['reason', status.error]);
  if (items.quarantined + items.unknown > 0) rows.push(['see', `holdfast failures ${id}`]);
  if (state === 'paused') rows.push(['then', `holdfast resume ${id}`]);
  if (state === 'partial' && items.waiting > 0) rows.push(['then', 'holdfast run FILE takes the waiting items']);
  if (state === 'partial' && items.quarantined > 0) rows.push(['then', `holdfast redrive ${id}`]);
  if (state === 'failed' || state === 'cancelled')
    rows.push(['then', 'holdfast run FILE goes on with what is missing']);
  return rows;
}

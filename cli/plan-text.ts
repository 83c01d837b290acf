import type { JobState } from '../ledger/rows.ts';
import type { CostRange } from '../memoization/entries.ts';
import { count, counted, cut, duration, percent, rate, shellWord } from './format.ts';
import { cost, rowLines } from './memo-text.ts';
import type { ItemCounts } from './plan-items.ts';
import type { MemoCounts, PlannedReason } from './plan-memo.ts';

/** What a run would do. */
export interface Plan {
  readonly jobId: string;
  readonly job: string;
  /** Of the generation that a run would go on with; null: it begins one. */
  readonly state: JobState | null;
  readonly generation: number;
  readonly source: string;
  readonly sink: string;
  readonly limit: number | null;
  readonly items: ItemCounts;
  /** Null: the job runs no memoized task. */
  readonly memo: MemoCounts | null;
  /** Null: nothing was computed yet that tells. */
  readonly expected: Expected | null;
}

/** How fast a job goes. */
export interface Paces {
  readonly concurrency: number;
  readonly ratePerSecond: number | null;
}

/** How long computing the misses takes, by what it took before. */
export interface Expected extends Paces {
  readonly lowMs: number;
  readonly highMs: number;
}

/** Misses share the slots of all workers; a limit of calls bounds them from below. Tries that fail are not foreseen. */
export function expectedMs({ misses, costs }: MemoCounts, paces: Paces): Expected | null {
  if (misses === 0) return { lowMs: 0, highMs: 0, ...paces };
  if (costs === null) return null;
  const { concurrency, ratePerSecond } = paces;
  const bound = ratePerSecond === null ? 0 : ((misses - 1) / ratePerSecond) * 1_000;
  const rounds = Math.max(1, misses / concurrency);
  const ms = (costMs: number) => Math.round(Math.max(costMs * rounds, bound + costMs));
  return { lowMs: ms(costs.lowMs), highMs: ms(costs.highMs), ...paces };
}

/** The document of `plan --json`. */
export function planDocument({ items, memo, expected, ...plan }: Plan): object {
  const { read, landed, setAside, toRun, refused } = items;
  return {
    ...plan,
    items: { read, landed, setAside, refused: refusedItems(items), toRun },
    refused,
    memo: memo && {
      task: memo.task,
      version: memo.version,
      hits: memo.hits,
      misses: memo.misses,
      repeated: memo.repeated,
      refused: memo.refused,
      reasons: memo.reasons,
    },
    expectedMs: expected && { low: expected.lowMs, high: expected.highMs },
  };
}

/** What would be run, for the last line. */
export interface PlannedRun {
  /** As a shell takes it. */
  readonly command: string;
  readonly refresh: boolean;
}

/** A plan as lines for people. */
export function describePlan(plan: Plan, run: PlannedRun): readonly string[] {
  const { jobId, job, state, generation, source, sink, limit, items, memo } = plan;
  const named = jobId === job ? '' : `job ${job}, `;
  const next = items.toRun > 0 ? 'goes on with it' : 'finds nothing to do';
  const what = state === null ? 'a run begins it' : `${state}; a run ${next}`;
  const rows: (readonly [string, string])[] = [
    ['source', `${source}${limit === null ? '' : `, the first ${counted(limit, 'item')}`}`],
    ['sink', sink],
    ['items', describeItems(items)],
    ...describeRefused(items),
    ...describeRun(plan),
  ];
  if (memo && items.toRun > 0) rows.push(...describeMemo(memo), ['expected', describeExpected(plan)]);
  if (memo?.refusal) rows.push(['', `the first refused: ${cut(memo.refusal, 160)}`]);
  rows.push(['next', nextStep(plan, run)]);
  return [`${jobId}: ${what} (${named}generation ${generation})`, ...rowLines(rows)];
}

function describeItems(items: ItemCounts): string {
  const { read, landed, setAside } = items;
  const refused = refusedItems(items);
  return [
    `${count(read)} in the source`,
    landed > 0 ? `${count(landed)} landed already (${percent(landed, read)})` : 'none landed yet',
    setAside > 0 ? `${count(setAside)} quarantined already` : null,
    refused > 0 ? `${count(refused)} that will be quarantined` : null,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

function refusedItems({ refused }: ItemCounts): number {
  return Object.values(refused).reduce((sum, items) => sum + items, 0);
}

const REFUSALS: Readonly<Record<keyof ItemCounts['refused'], string>> = {
  malformed: 'malformed',
  'too-large': 'too large',
  schema: 'not as the schema wants',
  key: 'without a usable key',
};

function describeRefused(items: ItemCounts): readonly (readonly [string, string])[] {
  const kinds = Object.entries(items.refused).filter(([, number]) => number > 0);
  const counts = kinds.map(([kind, number]) => `${count(number)} ${REFUSALS[kind as keyof typeof REFUSALS]}`);
  if (counts.length === 0) return [];
  return [['', counts.join(', ')], ...items.examples.map((text) => ['', `  ${cut(text, 160)}`] as const)];
}

function describeRun({ items: { toRun }, memo }: Plan): readonly (readonly [string, string])[] {
  if (toRun === 0) return [['to run', 'nothing']];
  if (memo !== null) return [['to run', counted(toRun, 'item')]];
  return [['to run', `${counted(toRun, 'item')}, each by a call: the job runs no memoized task`]];
}

function describeMemo(memo: MemoCounts): readonly (readonly [string, string])[] {
  const { task, version, hits, misses, repeated, refused } = memo;
  const parts = [
    `${counted(hits, 'hit')}`,
    `${count(misses)} to compute`,
    repeated > 0 ? `${count(repeated)} with the input of an item before ${repeated === 1 ? 'it' : 'them'}` : null,
    refused > 0 ? `${count(refused)} refused by schema or key` : null,
  ].filter((part) => part !== null);
  const reasons = Object.entries(memo.reasons).filter(([, number]) => number > 0);
  const width = Math.max(0, ...reasons.map(([, number]) => count(number).length));
  return [
    ['memo', `${task} (version ${version}): ${parts.join(' · ')}`],
    ...reasons.map(
      ([reason, number]) =>
        ['', `  ${count(number).padStart(width)} ${reasonText(reason as PlannedReason, memo)}`] as const,
    ),
  ];
}

function reasonText(reason: PlannedReason, { version, otherVersions }: MemoCounts): string {
  switch (reason) {
    case 'never':
      return 'never computed';
    case 'expired':
      return 'expired';
    case 'version':
      return `computed by another version (${otherVersions.join(', ')} → ${version})`;
    case 'invalidated':
      return 'invalidated';
    case 'damaged':
      return 'whose stored result is damaged';
    case 'running':
      return 'being computed now';
    case 'refresh':
      return 'to be computed anew, as refresh asks';
  }
}

function describeExpected({ memo, expected }: Plan): string {
  if (expected === null || memo === null) return 'unknown: nothing was computed yet';
  if (memo.misses === 0) return 'as long as reading and writing takes: nothing is computed';
  const { lowMs, highMs, concurrency, ratePerSecond } = expected;
  const [low, high] = [duration(lowMs), duration(highMs)];
  const pace = [
    `${count(concurrency)} at once`,
    ratePerSecond === null ? null : `at most ${rate(ratePerSecond)} calls`,
  ].filter((part) => part !== null);
  const from = memo.costs === null ? '' : `, as ${costsText(memo.costs)}`;
  return `${low === high ? `about ${low}` : `${low} to ${high}`}, ${pace.join(', ')}${from}`;
}

function costsText({ count: results, lowMs, highMs }: CostRange): string {
  const [low, high] = [cost(lowMs), cost(highMs)];
  const took = `took ${low === high ? low : `${low} to ${high}`}`;
  return results === 1 ? `the one result ${took}` : `most of ${count(results)} results ${took}`;
}

function nextStep({ items, state, jobId }: Plan, { command, refresh }: PlannedRun): string {
  if (items.toRun > 0) return command;
  if (items.setAside > 0) return `holdfast redrive ${shellWord(jobId)} sends the quarantined items through again`;
  return state === null
    ? 'nothing to do'
    : `nothing to do; ${refresh ? '--refresh --again' : '--again'} would run every item anew`;
}

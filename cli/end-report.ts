import type { JobStatus, Summary } from '../client/index.ts';
import { count, counted, duration, rate, shellWord, time } from './format.ts';

/** What a run's end means and what can be done about it, in sentences; the first begins with the state. */
export function describeEnd(
  { summary, error, endedAt, leftOut, pass }: JobStatus,
  { nothingNew, again, refresh }: { readonly nothingNew: boolean; readonly again: boolean; readonly refresh: boolean },
): readonly string[] {
  const { items, thisRun, state, elapsedMs, itemsPerSecond, memo } = summary;
  const id = shellWord(summary.jobId);
  const lines: string[] = [];
  const generation = summary.generation === 1 ? '' : ` (generation ${summary.generation})`;
  if (nothingNew) {
    lines.push(
      `${state}: nothing new in the source since ${time(endedAt ?? 0)}; ${counted(items.applied, 'item')} applied${generation}.${again ? '' : ` ${refresh ? '--refresh --again' : '--again'} runs every item anew.`}`,
    );
  } else {
    const run = thisRun.applied === items.applied ? '' : `, ${count(thisRun.applied)} in this run`;
    const speed = thisRun.applied === 0 ? '' : `, ${rate(itemsPerSecond)}`;
    lines.push(
      `${state}: ${counted(items.applied, 'item')} applied${run}${generation}, ${duration(elapsedMs)}${speed}.`,
    );
  }
  if (state === 'failed' || (state === 'cancelled' && error)) lines.push(`  ${error ?? 'no reason was recorded'}`);
  if (memo.hits > 0 && !nothingNew)
    lines.push(`  ${thisRun.applied === items.applied ? '' : 'In all, '}${describeMemo(memo)}`);
  if (leftOut > 0 && !nothingNew) {
    // A source that was read once has nothing that had landed before it, only what repeats itself.
    lines.push(
      pass === 1
        ? `  ${counted(leftOut, 'record')} left out: an earlier record has the same key (onDuplicateKey).`
        : `  ${counted(leftOut, 'record')} left out as known: the key had landed before, whatever the content is now. --again runs every item anew.`,
    );
  }
  const bad = items.quarantined + items.unknown;
  if (bad > 0) {
    const kinds = [
      items.quarantined > 0 ? `${count(items.quarantined)} quarantined` : null,
      items.unknown > 0 ? `${count(items.unknown)} unknown` : null,
    ].filter(Boolean);
    const redrive =
      items.quarantined > 0 && state === 'partial' ? `; send them through again: holdfast redrive ${id}` : '';
    lines.push(`  ${kinds.join(', ')}. See why: holdfast failures ${id}${redrive}`);
  }
  if (state === 'failed' || state === 'cancelled') {
    lines.push(
      `  What has landed stays. Run it again to go on${items.quarantined > 0 && state === 'failed' ? ', quarantined items included' : ''}.`,
    );
  }
  return lines;
}

/** What memoization spared, in all of the generation. */
export function describeMemo({ hits, misses, savedMs }: Summary['memo']): string {
  const spared = savedMs < 1_000 ? '' : `, which took ${duration(savedMs)} to compute`;
  return `${counted(hits, 'result')} taken from the store${spared}; ${count(misses)} computed.`;
}

/** What a process exits with that saw a job end. */
export function exitCodeOfState(state: string): number {
  return state === 'complete' ? 0 : state === 'partial' ? 3 : 1;
}

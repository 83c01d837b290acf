import { portsOf } from '../activities/job-session.ts';
import type { JobRecords } from '../client/job-records.ts';
import { isHoldfastError } from '../definitions/errors.ts';
import { type JobSpec, jobSpecOf } from '../definitions/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { JobRow } from '../ledger/rows.ts';
import { SettledKeys } from '../ledger/settled-keys.ts';
import type { MemoEntries } from '../memoization/entries.ts';
import { isMemoTask } from '../memoization/memoization.ts';
import { boundYoungGeneration } from '../worker/young-generation.ts';
import { checkIdentity } from './check-identity.ts';
import { type ChosenRun, checkJob } from './check-job.ts';
import { chooseJob } from './choose-job.ts';
import { counted } from './format.ts';
import { Interruption } from './interruption.ts';
import { LiveLine } from './live-line.ts';
import { type MemoStore, withMemoStore } from './memo-store.ts';
import type { StartCommandOptions } from './options.ts';
import type { Output } from './output.ts';
import { ItemPlan } from './plan-items.ts';
import { MemoPlan } from './plan-memo.ts';
import { describePlan, expectedMs, type Plan, planDocument } from './plan-text.ts';
import { runCommand } from './run-command.ts';

export interface PlanOptions extends StartCommandOptions {
  readonly file: string;
}

/** `holdfast plan`: what `run` with the same options would do now. Nothing is called but what reads the source and makes keys. */
export async function planJob(output: Output, options: PlanOptions): Promise<number> {
  const interruption = new Interruption(output);
  const chosen = await checkJob(await chooseJob(options.file, options.job), options);
  await checkIdentity(chosen, options.again === true);
  const live = new LiveLine(output);
  boundYoungGeneration();
  try {
    const planned = withMemoStore((store) => makePlan({ output, options, chosen, live, store }));
    const plan = await Promise.race([planned, interruption.asked.then(() => null)]);
    live.stop();
    if (plan === null) {
      output.note('holdfast: interrupted');
      return 130;
    }
    const run = { command: runCommand(options), refresh: options.refresh === true };
    for (const line of describePlan(plan, run)) output.line(line);
    output.document(planDocument(plan));
    return 0;
  } finally {
    live.stop();
    interruption.forget();
  }
}

interface Planning {
  readonly output: Output;
  readonly options: PlanOptions;
  readonly chosen: ChosenRun;
  readonly live: LiveLine;
  readonly store: MemoStore;
}

async function makePlan({ output, options, chosen, live, store }: Planning): Promise<Plan> {
  const { again = false, refresh = false, limit = null } = options;
  const { id, job, params } = chosen;
  const spec = jobSpecOf(job);
  const known = await knownGeneration(store.records, id, output);
  const fresh = again && (known?.job.state === 'complete' || known?.job.state === 'partial');
  const before = fresh ? null : known;
  const memo = memoPlanOf(spec, store.entries, refresh);
  const items = await new ItemPlan({
    spec,
    source: portsOf(spec, params).source,
    settled: before && (await SettledKeys.open(before.ledger, before.job)),
    redrives: before?.job.state === 'failed',
    memo,
    limit,
    onRange: (read) => live.show({ text: `${counted(read, 'record')} read`, done: 0, total: 1 }),
  }).count();
  const counts = (await memo?.counts()) ?? null;
  return {
    jobId: id,
    job: spec.name,
    state: before?.job.state ?? null,
    generation: fresh ? (known?.job.generation ?? 0) + 1 : (known?.job.generation ?? 1),
    source: chosen.source.title,
    sink: chosen.sink.title,
    limit,
    items,
    memo: counts,
    expected: counts && expectedMs(counts, pacesOf(spec, before?.job ?? null)),
  };
}

function memoPlanOf(spec: JobSpec, entries: MemoEntries | null, refresh: boolean): MemoPlan | null {
  const { work } = spec;
  if (work.kind !== 'task' || !isMemoTask(work.task)) return null;
  return new MemoPlan({ task: work.task, inputOf: work.input, entries, refresh });
}

/** An open job goes on as it was set; another begins as it is defined. */
function pacesOf(spec: JobSpec, job: JobRow | null) {
  const open = job?.state === 'running';
  return {
    concurrency: open ? job.concurrency : spec.concurrency,
    ratePerSecond: open ? job.rate : spec.ratePerSecond,
  };
}

/** The newest generation, with its ledger; null where the job is new, or its ledger cannot be read. */
async function knownGeneration(
  records: JobRecords,
  id: string,
  output: Output,
): Promise<{ readonly job: JobRow; readonly ledger: Ledger } | null> {
  if ((await records.entry(id)) === null) return null;
  try {
    return await records.read(id, async (_, job, ledger) => ({ job, ledger }));
  } catch (error) {
    if (!isHoldfastError(error) || isHoldfastError(error, 'HF_SCHEMA_NEWER')) throw error;
    output.note(`holdfast: counted as if nothing had landed, for the ledger of ${id} cannot be read: ${error.message}`);
    return null;
  }
}

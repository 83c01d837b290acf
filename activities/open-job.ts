import { openDatabase } from '../database/open-database.ts';
import { HoldfastError } from '../definitions/errors.ts';
import type { Cursor } from '../definitions/ids.ts';
import type { JobSpec } from '../definitions/job.ts';
import { decodeValue } from '../definitions/values.ts';
import { redrive } from '../ledger/items.ts';
import { beginPass, beginRun, findJob, insertGeneration } from '../ledger/jobs.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { JobRow } from '../ledger/rows.ts';
import type { SourceChange, SourcePort, SourceReader } from '../sources/source.ts';
import type { JobInput, NothingNew, OpenedRun } from '../workflows/messages.ts';
import type { Dependencies } from './dependencies.ts';
import { type AnySinkPort, openLedger, portsOf, sinkIdentity } from './job-session.ts';
import { servedJob } from './served-job.ts';
import { compareSource } from './source-change.ts';

interface Opening {
  readonly deps: Dependencies;
  readonly spec: JobSpec;
  readonly input: JobInput;
  readonly runId: string;
  readonly source: SourcePort<unknown>;
  readonly sink: AnySinkPort | null;
  readonly ledger: Ledger;
}

/**
 * Decides what a run is: a new job, the rest of one that stopped short, a next generation, what is new in the source, or
 * nothing. Checks everything that can be checked before the first item. Called again for the same workflow run, it gives the
 * same answer.
 */
export async function openJob(
  deps: Dependencies,
  { input, runId }: { readonly input: JobInput; readonly runId: string },
): Promise<OpenedRun | NothingNew> {
  const spec = servedJob(deps, input.name);
  deps.reach('during-open');
  const { source, sink } = portsOf(spec, decodeValue(input.params) as Record<string, unknown>);
  const before = await findInRegistry(deps, input.jobId);
  const ledger = await openLedger(deps, sink);
  try {
    const opening: Opening = { deps, spec, input, runId, source, sink, ledger };
    const job = await newestGeneration(opening, before);
    if (sink) await sink.open(ledger.database);
    return await decide(opening, job);
  } finally {
    if (sink) await ledger.database.close();
  }
}

/** The job as another ledger knows it, where the sink's database is not the one it was begun in. */
async function findInRegistry(
  deps: Dependencies,
  jobId: string,
): Promise<{ readonly job: JobRow; readonly ledgerId: string } | null> {
  const entry = await deps.store.find(jobId);
  if (!entry) return null;
  if (entry.ledger_id === deps.store.ledger.id) {
    const job = await deps.store.ledger.read((tx) => findJob(tx, jobId));
    return job ? { job, ledgerId: entry.ledger_id } : null;
  }
  try {
    const database = await openDatabase(entry.ledger_url, { directory: deps.directory, create: false, readOnly: true });
    try {
      const ledger = await Ledger.find(database);
      const job = ledger && (await ledger.read((tx) => findJob(tx, jobId)));
      return job ? { job, ledgerId: ledger.id } : null;
    } finally {
      await database.close();
    }
  } catch {
    // The database is gone or cannot be read: the one that the sink names decides.
    return null;
  }
}

async function newestGeneration(
  { ledger, input, sink }: Opening,
  before: { readonly job: JobRow; readonly ledgerId: string } | null,
): Promise<JobRow | null> {
  const here = await ledger.read((tx) => findJob(tx, input.jobId));
  if (!before || before.ledgerId === ledger.id) return here;
  if (here && here.generation >= before.job.generation) return here;
  if (input.again && isFinished(before.job)) return before.job;
  throw new HoldfastError('HF_SINK_IDENTITY', {
    id: input.jobId,
    before: before.job.sink_title,
    now: sinkIdentity(sink).title,
  });
}

function isFinished(job: JobRow): boolean {
  return job.state === 'complete' || job.state === 'partial';
}

async function decide(opening: Opening, job: JobRow | null): Promise<OpenedRun | NothingNew> {
  const { input, runId } = opening;
  if (!job) return begin(opening, 1);
  if (job.name !== input.name) {
    throw new HoldfastError('HF_JOB_OF_OTHER_NAME', { id: input.jobId, before: job.name, now: input.name });
  }
  if (job.params !== input.params) {
    throw new HoldfastError('HF_PARAMS_DIFFER', { id: input.jobId, before: job.params, now: input.params });
  }
  if (job.run_id === runId && job.state === 'running') return opened(opening, job);
  // Once a workflow: a reset history of one that has ended opens no further generation.
  if (input.again && isFinished(job) && job.run_id !== runId) return begin(opening, job.generation + 1);
  assertSameEnds(opening, job);
  return goOn(opening, job);
}

async function begin(opening: Opening, generation: number): Promise<OpenedRun | NothingNew> {
  const { deps, spec, input, ledger, source, sink } = opening;
  const reader = await source.open({ directory: deps.directory });
  try {
    const { identity, title } = sinkIdentity(sink);
    const job = await ledger.write((tx) =>
      insertGeneration(tx, {
        jobId: input.jobId,
        generation,
        name: input.name,
        params: input.params,
        source: source.identity,
        sourceTitle: source.title,
        sink: identity,
        sinkTitle: title,
        concurrency: spec.concurrency,
        rate: spec.ratePerSecond,
        now: deps.now(),
      }),
    );
    return await startRun(opening, job, { sourceState: await reader.state(), ended: 0 });
  } finally {
    await reader.close();
  }
}

/** A changed source or sink is refused: under an unfinished generation always; later a changed sink, which would stay empty. */
function assertSameEnds({ source, sink }: Opening, job: JobRow): void {
  const { identity, title } = sinkIdentity(sink);
  if (job.source !== source.identity && !isFinished(job)) {
    throw new HoldfastError('HF_SOURCE_IDENTITY', { id: job.job_id, before: job.source_title, now: source.title });
  }
  if (job.sink !== identity) {
    const code = isFinished(job) ? 'HF_SINK_CHANGED' : 'HF_SINK_IDENTITY';
    throw new HoldfastError(code, { id: job.job_id, before: job.sink_title, now: title });
  }
}

async function goOn(opening: Opening, job: JobRow): Promise<OpenedRun | NothingNew> {
  const { deps, input, ledger, source } = opening;
  const otherSource = job.source !== source.identity;
  const previous = otherSource || job.source_state === null ? {} : { previous: job.source_state };
  const reader = await source.open({ directory: deps.directory, ...previous });
  try {
    // Seen before it is compared: what comes in meanwhile is noticed next time.
    const sourceState = await reader.state();
    const change: SourceChange = otherSource
      ? { kind: 'replaced', reason: `it was ${job.source_title} and is ${source.title} now` }
      : await settleGrowth(reader, job, await compareSource(ledger, reader, job));
    const more = hasMore(job, change, input.limit);
    const waiting = await ledger.read((tx) =>
      tx.all("SELECT 1 FROM hf_item WHERE job_no = ? AND state = 'waiting' LIMIT 1", [job.job_no]),
    );
    if (isFinished(job) && !more && waiting.length === 0) return { kind: 'nothing-new', result: resultOf(job) };
    return await startRun(opening, job, {
      sourceState,
      ended: more ? 0 : job.source_ended,
      change,
    });
  } finally {
    await reader.close();
  }
}

/** An iterable cannot say whether it has grown, and a file may have gained nothing but blank lines: look for a record. */
async function settleGrowth(reader: SourceReader<unknown>, job: JobRow, change: SourceChange): Promise<SourceChange> {
  if (change.kind !== 'grown' || job.source_ended !== 1) return change;
  const next = await reader.plan((job.next_cursor ?? reader.start) as Cursor, { records: 1, bytes: 1 });
  return next === null ? { kind: 'same' } : change;
}

/** Whether planning has anything left to do. */
function hasMore(job: JobRow, change: SourceChange, limit: number | null): boolean {
  if (change.kind !== 'same') return true;
  if (job.source_ended === 2) return limit === null || limit > (job.item_limit ?? 0);
  return job.source_ended === 0;
}

interface RunBegin {
  readonly sourceState: string;
  readonly ended: 0 | 1 | 2;
  readonly change?: SourceChange;
}

async function startRun(
  opening: Opening,
  job: JobRow,
  { sourceState, ended, change }: RunBegin,
): Promise<OpenedRun | NothingNew> {
  const { deps, input, runId, ledger, source } = opening;
  const now = deps.now();
  const started = await ledger.write(async (tx) => {
    const current = await findJob(tx, job.job_id, job.generation);
    if (current?.epoch !== job.epoch) return null;
    if (change?.kind === 'replaced') await beginPass(tx, job.job_no);
    if (job.state === 'failed') await redrive(tx, { jobNo: job.job_no, keys: null, now });
    return beginRun(tx, {
      jobNo: job.job_no,
      runId,
      sourceState,
      limit: input.limit,
      refresh: input.refresh === true,
      source: source.identity,
      sourceTitle: source.title,
      ended,
      now,
    });
  });
  // Somebody else opened it in between: look again at what it is now.
  if (!started) return decide(opening, await ledger.read((tx) => findJob(tx, job.job_id)));
  if (change?.kind === 'replaced') {
    deps.log.warn(`the source was replaced: it is read from its start and matched by key (${change.reason})`, {
      job: job.job_id,
    });
  }
  return opened(opening, started);
}

async function opened({ deps, input, ledger }: Opening, job: JobRow): Promise<OpenedRun | NothingNew> {
  const entry = { job_id: job.job_id, name: job.name, ledger_url: ledger.database.url, ledger_id: ledger.id };
  await deps.store.register(entry, deps.now());
  return {
    kind: 'run',
    jobId: job.job_id,
    name: job.name,
    params: input.params,
    jobNo: job.job_no,
    generation: job.generation,
    epoch: job.epoch,
    ledger: ledger.mark,
    heartbeatTimeoutMs: deps.heartbeatTimeoutMs,
  };
}

function resultOf(job: JobRow) {
  return {
    jobId: job.job_id,
    job: job.name,
    generation: job.generation,
    state: job.state as 'complete' | 'partial',
    error: job.error,
    nothingNewSince: job.ended_at ?? job.started_at,
  };
}

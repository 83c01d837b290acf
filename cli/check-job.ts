import { portsOf, sinkIdentity } from '../activities/job-session.ts';
import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { type AnyJob, jobSpecOf } from '../definitions/job.ts';
import { checkJobId, jobIdOf } from '../definitions/job-id.ts';
import { parseParams } from '../definitions/params.ts';

interface Titled {
  readonly identity: string;
  readonly title: string;
}

export interface ChosenRun {
  readonly job: AnyJob;
  readonly id: string;
  /** Typed. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly source: Titled;
  readonly sink: Titled;
}

/**
 * Checks what can be checked before any server is started, so that mistakes are said at once: params, id, that the source can be
 * read. Errors: those of params, HF_OPTION_INVALID, HF_DEFINITION_INVALID, those of opening the source.
 */
export async function checkJob(
  job: AnyJob,
  given: { readonly param?: Readonly<Record<string, string>> | undefined; readonly id?: string | undefined },
): Promise<ChosenRun> {
  const spec = jobSpecOf(job);
  const params = parseParams(spec.params, given.param ?? {}, 'text');
  const id = given.id === undefined ? jobIdOf(spec, params) : checkJobId(given.id);
  const { source, sink } = namedBy(spec.name, () => portsOf(spec, params));
  const reader = await source.open({ directory: process.cwd() });
  await reader.close();
  return { job, id, params, source, sink: sinkIdentity(sink) };
}

/** The functions of a job that name its source and sink are the user's: what they throw is the definition's fault. */
function namedBy<T>(job: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    const problem = `it threw ${error instanceof Error ? error.message : String(error)}`;
    throw new HoldfastError(
      'HF_DEFINITION_INVALID',
      { what: `job ${job}`, option: 'source or to', value: 'a function', problem },
      { cause: error },
    );
  }
}

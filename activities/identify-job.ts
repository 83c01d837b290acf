import { canonicalText, checkJobId, jobIdOf } from '../definitions/job-id.ts';
import { parseParams } from '../definitions/params.ts';
import { fromJson } from '../definitions/values.ts';
import type { IdentifyInput, JobIdentity } from '../workflows/messages.ts';
import type { Dependencies } from './dependencies.ts';
import { servedJob } from './served-job.ts';

/** Id and params of a job that a workflow starts, for only a worker has the definition. Errors: HF_JOB_NOT_SERVED, those of params, HF_OPTION_INVALID. */
export function identifyJob(deps: Dependencies, { name, params: json, id }: IdentifyInput): JobIdentity {
  const spec = servedJob(deps, name);
  const params = parseParams(spec.params, (fromJson(json) ?? {}) as Readonly<Record<string, unknown>>, 'values');
  return { id: id === null ? jobIdOf(spec, params) : checkJobId(id), params: canonicalText(params) };
}

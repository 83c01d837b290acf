import { canonicalText, checkJobId, jobIdOf } from '../definitions/job-id.ts';
import { parseParams } from '../definitions/params.ts';
import { fromJson } from '../definitions/values.ts';
import type { IdentifyInput, JobIdentity } from '../workflows/messages.ts';
import type { Dependencies } from './dependencies.ts';

/** Id and params of a job that a workflow starts, for only a worker has the definition. Errors: those of params, HF_OPTION_INVALID. */
export function identifyJob({ jobs }: Dependencies, { name, params: json, id }: IdentifyInput): JobIdentity {
  const spec = jobs.get(name);
  if (!spec) throw new Error(`this worker does not serve job ${name}`);
  const params = parseParams(spec.params, (fromJson(json) ?? {}) as Readonly<Record<string, unknown>>, 'values');
  return { id: id === null ? jobIdOf(spec, params) : checkJobId(id), params: canonicalText(params) };
}

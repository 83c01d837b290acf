export type { TemporalOptions } from './connection.ts';
export {
  type ClientOptions,
  HoldfastClient,
  type JobList,
  type ParamsOf,
  type StartOptions,
} from './holdfast-client.ts';
export type { Redriven } from './job-control.ts';
export type { JobHandle, ResultOf } from './job-handle.ts';
export type { FailedItem, KeptResult } from './job-items.ts';
export type { RunTaskOptions, TaskInputOf, TaskResultOf } from './run-task.ts';
export type { JobStatus, Summary } from './summary.ts';

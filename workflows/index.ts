export type { JobResult } from './messages.ts';
export { type RunJobOptions, runJob } from './run-job.ts';
export { type ProxyTasksOptions, proxyTasks, type TasksByName } from './tasks.ts';

// Only workflow functions: whatever a workflow bundle exports becomes a workflow.
export { holdfastJob } from './job.ts';
export { holdfastTask } from './run-task.ts';

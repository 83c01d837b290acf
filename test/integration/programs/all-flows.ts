// All workflows of a user, as one bundle.
export * from './job-flows.ts';
export * from './task-flows.ts';

export { createWorker, type HoldfastWorker, type WorkerOptions } from './create-worker.ts';
export type { MemoizeActivities, MemoizeActivity } from './memoized-activities.ts';
export { HoldfastPlugin, type PluginOptions } from './plugin.ts';

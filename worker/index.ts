export { createWorker, type HoldfastWorker, type WorkerOptions } from './create-worker.ts';

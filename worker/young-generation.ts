import v8 from 'node:v8';

const BOUND_BYTES = 30 * 1024 * 1024;
const LOOK_MS = 50;
let watching = false;

/**
 * Keeps V8 from growing its young generation beyond 32 MB. A worker's garbage is large and short-lived, and Node 24 answers
 * with 128 MB, most of it empty: a million orders took 480 MB of memory with that, 430 MB with 64 and 370 to 395 MB with 32,
 * at speeds that could not be told apart. The bound can only be given to a process when it starts, but growth can be ended
 * at any time.
 */
export function boundYoungGeneration(): void {
  if (watching) return;
  watching = true;
  const timer = setInterval(() => {
    const space = v8.getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
    if ((space?.space_size ?? 0) < BOUND_BYTES) return;
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, LOOK_MS);
  timer.unref();
}

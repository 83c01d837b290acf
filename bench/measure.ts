import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Measurement {
  readonly seconds: number;
  readonly rows: number;
  readonly rssMb: number;
}

/** Runs one side of a benchmark in a process of its own, from source. */
export function runPart(script: string, args: readonly string[]): Measurement {
  const loader = fileURLToPath(new URL('../scripts/source-loader.mjs', import.meta.url));
  const profile = process.env.HOLDFAST_BENCH_NODE_ARGS?.split(' ') ?? [];
  const output = execFileSync(process.execPath, [...profile, '--import', loader, fileURLToPath(script), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(output.slice(output.lastIndexOf('{"'))) as Measurement;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

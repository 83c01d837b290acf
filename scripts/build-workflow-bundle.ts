// The workflow bundle, built ahead: a worker then starts in a fraction of the second that bundling takes.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { withSlimSourceMap } from '../worker/slim-source-map.ts';

/** Bundles `workflows/register` of a built package into `dist/workflows/bundle.js`. */
export async function buildWorkflowBundle(dist: URL): Promise<void> {
  const workflowsPath = fileURLToPath(new URL('workflows/register.js', dist));
  if (!existsSync(workflowsPath)) throw new Error(`${workflowsPath} does not exist: run npm run build`);
  const target = fileURLToPath(new URL('workflows/bundle.js', dist));
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, withSlimSourceMap(code, fileURLToPath(new URL('..', dist))));
}

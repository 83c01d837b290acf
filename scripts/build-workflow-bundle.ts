// The workflow bundle, built ahead: a worker then starts in a fraction of the second that bundling takes.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

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

/**
 * The worker needs the map for stack traces, but not the sources in it (four fifths of the bundle), nor where on the
 * machine of the build they were.
 */
function withSlimSourceMap(code: string, root: string): string {
  const marker = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(marker);
  if (at < 0)
    throw new Error('The workflow bundle has no source map: the SDK makes it in another way than this script knows');
  const map = JSON.parse(Buffer.from(code.slice(at + marker.length), 'base64').toString('utf8')) as {
    readonly sources: readonly string[];
    readonly sourcesContent?: readonly string[];
  };
  const { sourcesContent: _, ...slim } = map;
  const sources = map.sources.map((source) => source.replace(root, '').replace(/^(webpack:\/\/)?\/+/, ''));
  const text = JSON.stringify({ ...slim, sources });
  return `${code.slice(0, at).replaceAll(root, '')}${marker}${Buffer.from(text).toString('base64')}\n`;
}

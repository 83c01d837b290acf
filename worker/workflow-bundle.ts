import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import { withSlimSourceMap } from './slim-source-map.ts';

const ready = new URL('../workflows/bundle.js', import.meta.url);
const room = fileURLToPath(new URL('../workflows/', import.meta.url));
const register = join(room, existsSync(ready) ? 'register.js' : 'register.ts');
const quiet = () => undefined;
const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: console.error, error: console.error };

/**
 * The workflows' code, built with the package; from source it is bundled once for each state of the sources (0.9 s). A
 * converter of the user's own belongs into it, and then it is bundled now.
 */
export async function workflowBundle(converter: DataConverter = {}): Promise<WorkflowBundleOption> {
  const { payloadConverterPath, failureConverterPath } = converter;
  if (payloadConverterPath !== undefined || failureConverterPath !== undefined) {
    return bundleWorkflowCode({
      workflowsPath: register,
      logger,
      ...(payloadConverterPath === undefined ? {} : { payloadConverterPath }),
      ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
    });
  }
  if (existsSync(ready)) return { codePath: fileURLToPath(ready) };
  const hash = createHash('sha256').update(process.version).update('slim source map');
  for (const file of sources()) hash.update(readFileSync(file));
  const directory = join(tmpdir(), `holdfast-bundles-${process.getuid?.() ?? 'user'}`);
  const codePath = join(directory, `${hash.digest('hex').slice(0, 32)}.js`);
  if (existsSync(codePath)) return { codePath };
  const { code } = await bundleWorkflowCode({ workflowsPath: register, logger });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, withSlimSourceMap(code, fileURLToPath(new URL('..', import.meta.url))));
  renameSync(unfinished, codePath);
  return { codePath };
}

/** What is in it: the workflows, and the definitions that they use. */
function sources(): readonly string[] {
  const rooms = [room, fileURLToPath(new URL('../definitions/', import.meta.url))];
  const files = rooms.flatMap((directory) => readdirSync(directory).map((file) => join(directory, file)));
  return files.filter((file) => file.endsWith('.ts')).sort();
}

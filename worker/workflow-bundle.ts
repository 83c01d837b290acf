import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { withSlimSourceMap } from './slim-source-map.ts';

const ready = new URL('../workflows/bundle.js', import.meta.url);

/** The workflows' code, built with the package; from source it is bundled once for each state of the sources (0.9 s). */
export async function workflowBundle(): Promise<{ readonly codePath: string }> {
  if (existsSync(ready)) return { codePath: fileURLToPath(ready) };
  const room = fileURLToPath(new URL('../workflows/', import.meta.url));
  const hash = createHash('sha256').update(process.version).update('slim source map');
  for (const file of readdirSync(room).sort()) if (file.endsWith('.ts')) hash.update(readFileSync(join(room, file)));
  const directory = join(tmpdir(), `holdfast-bundles-${process.getuid?.() ?? 'user'}`);
  const codePath = join(directory, `${hash.digest('hex').slice(0, 32)}.js`);
  if (existsSync(codePath)) return { codePath };
  const quiet = () => undefined;
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: console.error, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath: join(room, 'register.ts'), logger });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, withSlimSourceMap(code, fileURLToPath(new URL('..', import.meta.url))));
  renameSync(unfinished, codePath);
  return { codePath };
}

// The public entries, from `exports` in package.json: `holdfast/worker` → `worker/index.ts`.
import { readFileSync } from 'node:fs';

const { name, exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** Public specifier → source file, relative to the repository. */
export const entries = Object.fromEntries(
  Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath, target]) => [
      subpath.replace('.', name),
      target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'),
    ]),
);

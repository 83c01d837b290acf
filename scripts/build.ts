// `npm run build`: TypeScript to JavaScript with declarations, the SQL files, the workflow bundle.
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWorkflowBundle } from './build-workflow-bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(join(root, 'dist'), { recursive: true, force: true });

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

// The compiler rewrites `./a.ts` to `./a.js` in JavaScript, and leaves it as it is in declarations.
for (const file of globSync('dist/**/*.d.ts', { cwd: root })) {
  const text = readFileSync(join(root, file), 'utf8');
  writeFileSync(join(root, file), text.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'));
}

for (const file of globSync('*/**/*.sql', { cwd: root, exclude: (path) => /^(node_modules|dist|test)$/.test(path) })) {
  cpSync(join(root, file), join(root, 'dist', file));
}
await buildWorkflowBundle(new URL('../dist/', import.meta.url));

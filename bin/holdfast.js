#!/usr/bin/env node
// Plain old JavaScript: an older Node must be able to read this file to be told that it is too old.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

var needed = '22.18';
var parts = process.versions.node.split('.').map(Number);
var message;
var here = (path) => new URL(path, import.meta.url);

if (parts[0] < 22 || (parts[0] === 22 && parts[1] < 18)) {
  message =
    'Holdfast needs Node ' +
    needed +
    ' or newer, and this is Node ' +
    process.versions.node +
    ': install a newer one, or run it with npx -p node@24 holdfast.';
  process.stderr.write('holdfast: ' + message + ' (HF_NODE_TOO_OLD)\n');
  if (process.argv.indexOf('--json') > 0)
    process.stdout.write(JSON.stringify({ error: { code: 'HF_NODE_TOO_OLD', message: message } }) + '\n');
  process.exitCode = 2;
} else if (existsSync(fileURLToPath(here('../cli/main.ts')))) {
  // In the repository: from source, whatever an earlier build left behind. A published package has no sources.
  import('../scripts/source-loader.mjs').then(() => import('../cli/main.ts'));
} else {
  import('../dist/cli/main.js');
}

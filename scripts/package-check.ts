// `npm run package-check`: what strangers get. Packs, lints the tarball, installs it into projects of both module kinds,
// type-checks a job file there, and runs the command.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspace = mkdtempSync(join(tmpdir(), 'holdfast-package-'));

const jobFile = `import { defineJob, items, sqlTable } from 'holdfast';
import { shout } from './shout';

enum Region { North = 'north', South = 'south' }

export default defineJob({
  name: 'stranger',
  params: { times: { type: 'number', default: 3 } },
  source: ({ times }) => items(Array.from({ length: times }, (_, n) => ({ n, region: Region.North }))),
  key: (item) => item.n,
  run: (item) => shout(item.region),
}).to(sqlTable({ url: 'sqlite:out.db', table: 'results', key: 'n', row: (item, result) => ({ n: item.n, result }) }));
`;
const shoutFile = `export function shout(text: string): string {\n  return text.toUpperCase();\n}\n`;
const importsFile = `import { createWorker, HoldfastPlugin } from 'holdfast/worker';
import { HoldfastClient } from 'holdfast/client';
import { TestEnvironment } from 'holdfast/testing';

export const all = { createWorker, HoldfastClient, HoldfastPlugin, TestEnvironment };
`;
const tasksFile = `import { defineTask } from 'holdfast';

export const double = defineTask({ name: 'double', run: (n: number) => 2 * n });
`;
const workflowsFile = `import { proxyTasks } from 'holdfast/workflows';
import type * as tasks from './tasks';

export * from 'holdfast/workflows/register';

export async function doubled(n: number): Promise<number> {
  return proxyTasks<typeof tasks>().double(n);
}
`;
const bundleFile = `import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)) });
for (const name of ['doubled', 'holdfastJob', 'holdfastTask']) if (!code.includes(name)) throw new Error(name);
`;

try {
  const tarball = pack();
  checkContents(tarball);
  run('publint', [bin('publint'), tarball, '--strict'], root);
  // Unresolved under "node10" and from CommonJS is meant: the package is ESM, and Node 22 can require it.
  run('are the types wrong', [bin('attw'), tarball, '--profile', 'esm-only'], root);
  for (const type of ['module', 'commonjs'] as const) checkStranger(type, tarball);
} finally {
  rmSync(workspace, { recursive: true, force: true });
}

function pack(): string {
  run('pack', ['npm', 'pack', '--pack-destination', workspace], root);
  const name = readdirSync(workspace).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack made no tarball');
  return join(workspace, name);
}

function checkContents(tarball: string): void {
  const needed = /^package\/(bin\/holdfast\.js|dist\/.+\.(js|d\.ts|sql)|package\.json|README\.md|LICENSE)$/;
  const listed = run('contents', ['tar', '-tzf', tarball], root).trim().split('\n');
  const strange = listed.filter((file) => !needed.test(file));
  if (strange.length > 0) throw new Error(`The package holds files that nobody needs: ${strange.join(', ')}`);
  for (const file of ['package/LICENSE', 'package/dist/index.js', 'package/dist/workflows/bundle.js']) {
    if (!listed.includes(file)) throw new Error(`The package lacks ${file}`);
  }
}

function checkStranger(type: 'module' | 'commonjs', tarball: string): void {
  const project = join(workspace, type);
  const home = join(project, 'home');
  mkdirSync(home, { recursive: true });
  // The loader resolves './shout' in any package; TypeScript does so only where the package is CommonJS.
  const job = type === 'module' ? jobFile.replace("'./shout'", "'./shout.ts'") : jobFile;
  write(project, 'package.json', { name: 'stranger', private: true, type });
  write(project, 'tsconfig.json', {
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: ['node'],
    },
    include: ['*.ts'],
  });
  writeFileSync(join(project, 'job.ts'), job);
  writeFileSync(join(project, 'shout.ts'), shoutFile);
  writeFileSync(join(project, 'imports.ts'), importsFile);
  writeFileSync(join(project, 'tasks.ts'), tasksFile);
  writeFileSync(
    join(project, 'workflows.ts'),
    type === 'module' ? workflowsFile.replace("'./tasks'", "'./tasks.ts'") : workflowsFile,
  );
  writeFileSync(join(project, 'bundle.mjs'), bundleFile);
  const typesNode = join(root, 'node_modules/@types/node');
  run(`install (${type})`, ['npm', 'install', '--prefer-offline', '--no-package-lock', tarball, typesNode], project);
  run(`types (${type})`, [process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], project);
  run(`workflows (${type})`, [process.execPath, 'bundle.mjs'], project);
  run(`version (${type})`, ['npx', '--no-install', 'holdfast', '--version'], project);
  const environment = { HOLDFAST_HOME: home };
  const printed = run(
    `run (${type})`,
    ['npx', '--no-install', 'holdfast', 'run', 'job.ts', '--json'],
    project,
    environment,
  );
  const summary = JSON.parse(printed) as { readonly state?: string; readonly items?: { readonly applied?: number } };
  if (summary.state !== 'complete' || summary.items?.applied !== 3) {
    throw new Error(`run (${type}) ended with ${printed}`);
  }
}

function write(project: string, file: string, value: unknown): void {
  writeFileSync(join(project, file), JSON.stringify(value, null, 2));
}

function bin(name: string): string {
  return join(root, 'node_modules/.bin', name);
}

/** Runs one program and returns what it printed; says what it printed, and ends, when it fails. */
function run(step: string, command: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): string {
  const [program = '', ...rest] = command;
  const { npm_config_dry_run: _, ...inherited } = process.env;
  const env = { ...inherited, ...environment };
  const done = spawnSync(program, rest, { cwd, env, encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 28 });
  if (done.status === 0) {
    console.log(`ok    ${step}`);
    return done.stdout;
  }
  console.error(`FAIL  ${step}: ${command.join(' ')}\n${done.error ?? ''}${done.stdout}${done.stderr}`);
  throw new Error(`${step} failed`);
}

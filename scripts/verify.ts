// `npm run verify [step…]`: everything that CI runs, or only the steps that are named. Says what failed, and how to run
// just that. The last line is `N passed, N failed`: tests, and steps that are not tests.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Step {
  readonly name: string;
  /** Runs just this step; also what is shown when it fails. */
  readonly command: string;
  readonly suite?: boolean;
}
interface Outcome {
  readonly step: Step;
  readonly passed: number;
  readonly failed: number;
  readonly ms: number;
}

const stepTimeoutMs = 15 * 60_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const check = (name: string, command: string): Step => ({ name, command });
const suite = (name: string, path = `test/${name}`): Step => ({
  name,
  command: `npm run jest -- ${path}`,
  suite: true,
});

const steps: readonly Step[] = [
  check('format', 'npm run format-check'),
  check('lint', 'npm run lint'),
  check('types', 'npm run types'),
  check('imports', 'npm run imports'),
  check('dead', 'npm run dead'),
  suite('tidy'),
  suite('unit'),
  suite('conformance'),
  suite('integration'),
  suite('replay'),
  suite('crash'),
  suite('type-tests', 'test/types'),
  suite('docs'),
  suite('examples'),
  check('package', 'npm run package-check'),
];

const chosen = chooseSteps(process.argv.slice(2));
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-verify-'));
const outcomes: Outcome[] = [];
try {
  for (const step of chosen) outcomes.push(await runStep(step));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
report(outcomes);

function chooseSteps(names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`No step ${unknown.join(', ')}; the steps are ${steps.map((step) => step.name).join(', ')}.`);
    process.exit(2);
  }
  return names.length === 0 ? steps : steps.filter((step) => names.includes(step.name));
}

async function runStep(step: Step): Promise<Outcome> {
  console.log(`\n── ${step.name}: ${step.command}`);
  const began = performance.now();
  const summary = join(scratch, `${step.name}.json`);
  const more = step.suite === true ? ['--passWithNoTests', '--json', `--outputFile=${summary}`] : [];
  const clean = (await runCommand([...step.command.split(' '), ...more], step.suite === true)) === 0;
  const counts = step.suite === true ? countTests(summary, clean) : { passed: clean ? 1 : 0, failed: clean ? 0 : 1 };
  const outcome = { step, ...counts, ms: performance.now() - began };
  console.log(`── ${outcome.failed === 0 ? 'ok  ' : 'FAIL'} ${step.name} (${seconds(outcome.ms)})`);
  return outcome;
}

/** A suite that could not be loaded, or that left something behind, fails with every test in it passed: it counts too. */
function countTests(file: string, clean: boolean): { readonly passed: number; readonly failed: number } {
  if (!existsSync(file)) return { passed: 0, failed: clean ? 0 : 1 };
  const summary = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numRuntimeErrorTestSuites: number;
  };
  const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites;
  return { passed: summary.numPassedTests, failed: failed === 0 && !clean ? 1 : failed };
}

/** Resolves to the exit code. What is printed goes on as it comes; Jest's JSON, which goes to the file too, does not. */
function runCommand(command: readonly string[], isSuite: boolean): Promise<number> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, {
    cwd: root,
    stdio: ['ignore', isSuite ? 'ignore' : 'inherit', 'inherit'],
    detached: true,
  });
  const group = child.pid;
  const end = (signal: NodeJS.Signals) => {
    if (group !== undefined) process.kill(-group, signal);
  };
  const interrupt = () => end('SIGINT');
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const timer = setTimeout(() => {
    console.error(`${command.join(' ')} did not end within ${seconds(stepTimeoutMs)}`);
    end('SIGKILL');
  }, stepTimeoutMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
      resolve(code ?? 1);
    });
  });
}

function report(all: readonly Outcome[]): void {
  console.log('');
  for (const { step, passed, failed, ms } of all) {
    const counts = step.suite === true ? `  ${passed} passed${failed > 0 ? `, ${failed} failed` : ''}` : '';
    console.log(`${failed === 0 ? 'ok  ' : 'FAIL'}  ${step.name.padEnd(12)} ${seconds(ms).padStart(7)}${counts}`);
  }
  const bad = all.filter(({ failed }) => failed > 0);
  if (bad.length > 0) console.log(`\nRun just what failed:\n${bad.map(({ step }) => `  ${step.command}`).join('\n')}`);
  const passed = all.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = all.reduce((sum, outcome) => sum + outcome.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

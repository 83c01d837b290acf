import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** Each pair is an import that the table of rooms forbids, and the rule that must catch it. */
const forbidden: readonly (readonly [from: string, imported: string, rule: string])[] = [
  ['definitions/a.ts', '../ledger/target.ts', 'definitions-imports'],
  ['definitions/b.ts', 'node:fs', 'definitions-are-pure'],
  ['definitions/c.ts', 'commander', 'definitions-are-pure'],
  ['sources/a.ts', '../database/target.ts', 'sources-imports'],
  ['memoization/a.ts', '../ledger/target.ts', 'memoization-imports'],
  ['ledger/a.ts', '../sinks/target.ts', 'ledger-imports'],
  ['sinks/a.ts', '../sources/target.ts', 'sinks-imports'],
  ['database/a.ts', '../ledger/target.ts', 'database-imports'],
  ['activities/a.ts', '../workflows/target.ts', 'activities-imports'],
  ['workflows/a.ts', '../activities/target.ts', 'workflows-imports'],
  ['workflows/b.ts', 'node:crypto', 'workflows-packages'],
  ['workflows/c.ts', '@temporalio/client', 'workflows-packages'],
  ['client/a.ts', '../activities/target.ts', 'client-imports'],
  ['client/b.ts', '../workflows/target.ts', 'client-imports'],
  ['worker/a.ts', '../server/target.ts', 'worker-imports'],
  ['server/a.ts', '../ledger/target.ts', 'server-imports'],
  ['server/b.ts', '../database/target.ts', 'server-imports'],
  ['testing/a.ts', '../ledger/target.ts', 'testing-imports'],
  ['drill/a.ts', '../ledger/target.ts', 'drill-imports'],
  ['worker/b.ts', '../cli/target.ts', 'cli-is-the-top'],
  ['examples/a.ts', '../worker/target.ts', 'public-entries-only'],
  ['worker/c.ts', 'fast-check', 'no-dev-dependencies'],
  ['worker/d.ts', './nowhere.ts', 'no-unresolvable'],
  ['ledger/loop-back.ts', './loop.ts', 'no-cycles'],
];

const allowed: readonly (readonly [from: string, line: string])[] = [
  ['workflows/allowed.ts', "import type { value } from '../activities/target.ts';\nexport type T = typeof value;"],
  ['workflows/sandboxed.ts', "import { sleep } from '@temporalio/workflow';\nexport { sleep };"],
  ['bench/allowed.ts', "export * from 'holdfast/worker';"],
  ['worker/allowed.ts', "export { value } from '../server/home.ts';"],
  ['server/allowed.ts', "export { value } from '../database/file-lock.ts';"],
  ['client/allowed.ts', "export { value } from '../workflows/messages.ts';"],
  ['ledger/loop.ts', "export * from './loop-back.ts';"], // The cycle is told once, of loop-back.ts.
  ['activities/allowed.ts', "export { value } from '../ledger/target.ts';"],
];

describe('the rooms', () => {
  let directory: string;
  let violations: readonly Violation[];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-imports-'));
    const put = (file: string, text: string) => {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), `${text}\n`);
    };
    const rooms = new Set(forbidden.flatMap(([, imported]) => /^\.\.\/(\w+)\/target/.exec(imported)?.[1] ?? []));
    for (const room of rooms) put(`${room}/target.ts`, 'export const value = 1;');
    for (const file of ['database/file-lock.ts', 'workflows/messages.ts', 'server/home.ts', 'worker/index.ts'])
      put(file, 'export const value = 1;');
    for (const [from, imported] of forbidden) put(from, `import * as all from '${imported}';\nexport { all };`);
    for (const [from, line] of allowed) put(from, line);
    for (const file of ['tsconfig.json', 'package.json', 'node_modules']) {
      symlinkSync(join(root, file), join(directory, file));
    }
    violations = cruise(directory);
  }, 60_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(forbidden)('an import from %s of %s is caught by %s', (from, _, rule) => {
    expect(violations.filter((violation) => violation.from === from).map((violation) => violation.rule.name)).toContain(
      rule,
    );
  });

  test.each(allowed)('%s breaks no rule', (from) => {
    expect(violations.filter((violation) => violation.from === from)).toEqual([]);
  });
});

function cruise(directory: string): readonly Violation[] {
  const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(root, '.dependency-cruiser.cjs');
  const rest = [depcruise, '--config', config, '--output-type', 'json', '.'];
  const done = spawnSync(process.execPath, rest, { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 26 });
  const report = JSON.parse(done.stdout) as { readonly summary: { readonly violations: readonly Violation[] } };
  return report.summary.violations;
}

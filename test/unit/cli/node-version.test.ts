import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { HoldfastError } from '../../../definitions/errors.ts';

const root = join(import.meta.dirname, '../../..');

describe('the command on another Node', () => {
  test.each(['12.22.12', '18.20.0', '20.20.2', '22.17.1'])(
    '%s is told in one line that it is too old, with --json in one document, and exits 2',
    (version) => {
      const done = startAs(version);
      const { message } = new HoldfastError('HF_NODE_TOO_OLD', { needed: '22.18', version });
      expect(done.stderr).toBe(`holdfast: ${message} (HF_NODE_TOO_OLD)\n`);
      expect(done).toMatchObject({ status: 2, stdout: '' });
      const { status, stdout } = startAs(version, ['memo', 'stats', '--json']);
      expect([status, JSON.parse(stdout)]).toEqual([2, { error: { code: 'HF_NODE_TOO_OLD', message } }]);
    },
  );

  test.each(['22.18.0', '24.0.0', '26.1.0'])('%s is taken', (version) => {
    expect(startAs(version)).toMatchObject({ status: 0, stdout: 'started\n', stderr: '' });
  });

  test('what engines asks for is what the command checks', () => {
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(readFileSync(join(root, 'bin/holdfast.js'), 'utf8')).toContain(`'${engines.node.replace('>=', '')}'`);
  });
});

/** Starts the command of a built package, of which only the first line is there, in a process that gives itself out as `version`. */
function startAs(
  version: string,
  words: readonly string[] = [],
): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-node-'));
  try {
    cpSync(join(root, 'bin'), join(directory, 'bin'), { recursive: true });
    mkdirSync(join(directory, 'dist/cli'), { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(directory, 'dist/cli/main.js'), "console.log('started');\n");
    const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
    const preload = `data:text/javascript,${encodeURIComponent(disguise)}`;
    const args = ['--import', preload, join(directory, 'bin/holdfast.js'), ...words];
    return spawnSync(process.execPath, args, { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

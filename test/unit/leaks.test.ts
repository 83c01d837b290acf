import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const leaks = (name: string) => JSON.stringify(join(import.meta.dirname, `../leaks-${name}.mjs`));

test('a run that leaves a file or a process behind fails, names both, and ends the process', () => {
  const run = `
    import { spawn } from 'node:child_process';
    import { mkdtempSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { join } from 'node:path';
    const { default: setup } = await import(${leaks('setup')});
    const { default: teardown } = await import(${leaks('teardown')});
    setup();
    mkdtempSync(join(tmpdir(), 'left-'));
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6) // forgotten'], { detached: true, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    await teardown().then(() => console.log('nothing was noticed'), (error) => console.log(error.message));
    if (process.platform === 'linux') console.log('ended by', await ended);
    else child.kill();
  `;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', run], { encoding: 'utf8' });
  expect(done.stderr).toBe('');
  expect(done.stdout).toMatch(/temp file or directory: left-/);
  if (process.platform === 'linux') {
    expect(done.stdout).toMatch(/process \d+: .*forgotten/);
    expect(done.stdout).toContain('ended by SIGKILL');
  }
});

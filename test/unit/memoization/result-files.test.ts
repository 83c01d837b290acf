import { hash } from 'node:crypto';
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readResult, resultPath, writeResult } from '../../../memoization/result-files.ts';

test('a result is written whole while others keep removing its directory as soon as it is empty', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-results-'));
  try {
    for (let n = 0; n < 200; n++) {
      const bytes = Buffer.from(`result ${n}`);
      const path = resultPath(folder, hash('sha256', bytes, 'hex'));
      const writing = writeResult(folder, bytes);
      const removers = Array.from({ length: 20 }, () => rmdir(dirname(path)).catch(() => undefined));
      expect(await readResult(path, await writing)).toEqual(bytes);
      await Promise.all(removers);
      await rm(path);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

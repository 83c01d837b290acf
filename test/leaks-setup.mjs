// Each run of Jest has a temp directory of its own, inherited by every process that a test starts. What is still there
// at the end, file or process, was leaked: see leaks-teardown.mjs.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup() {
  const directory = mkdtempSync(join(tmpdir(), 'hf-'));
  process.env.HOLDFAST_TEST_RUN = directory;
  process.env.TMPDIR = directory;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defineJob, items } from 'holdfast';
import { createWorker } from 'holdfast/worker';
import { DEFAULTS } from '../../definitions/limits.ts';
import { openStore } from '../../ledger/open-store.ts';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-one-machine-'));
});

afterAll(() => rm(home, { recursive: true }));

test('a SQLite store that another machine works on is refused, with the name of that machine', async () => {
  const store = await openStore({ home, directory: home });
  const lease = { id: 'other', host: 'db-host-7/another-boot', pid: 1, jobs: ['any'], startedAt: Date.now() };
  await store.renewLease(lease, { now: Date.now(), leaseMs: DEFAULTS.leaseMs });
  await store.database.close();
  const job = defineJob({ name: 'any', source: items([1]), key: (n) => n, run: (n) => n });

  await expect(createWorker({ jobs: [job], home, address: '127.0.0.1:1' })).rejects.toMatchObject({
    code: 'HF_DATABASE_OTHER_HOST',
    message: expect.stringContaining('db-host-7'),
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import { bundle } from '../integration/plugged-site.ts';
import { readHistory } from './history-text.ts';

const directory = join(import.meta.dirname, 'histories');
const names = readdirSync(directory).sort();
const usersDirectory = join(import.meta.dirname, 'user-histories');
const usersNames = readdirSync(usersDirectory).sort();

async function replay(
  name: string,
  text: string,
  code: Promise<WorkflowBundleOption> = workflowBundle(),
): Promise<string | null> {
  const workflowId = name.replace('.json', '');
  const results = Worker.runReplayHistories({ workflowBundle: await code }, [
    { workflowId, history: readHistory(text) },
  ]);
  for await (const { error } of results) if (error) return error.message;
  return null;
}

describe('a history that a user may have in flight replays with the present code', () => {
  test.each(names)('%s', async (name) => {
    expect(await replay(name, readFileSync(join(directory, name), 'utf8'))).toBeNull();
  });

  test('one that differs is noticed: the proof proves something', async () => {
    const text = readFileSync(join(directory, 'plain.json'), 'utf8').replaceAll(
      '"holdfastCloseJob"',
      '"holdfastShutJob"',
    );
    expect(await replay('plain.json', text)).not.toBeNull();
  });
});

describe('a history of a user whose workflows run tasks and jobs replays with the present code', () => {
  const code = bundle('all-flows.ts');

  test.each(usersNames)('%s', async (name) => {
    expect(await replay(name, readFileSync(join(usersDirectory, name), 'utf8'), code)).toBeNull();
  });

  test('one that differs is noticed', async () => {
    const text = readFileSync(join(usersDirectory, 'job.json'), 'utf8');
    expect(await replay('job.json', text.replaceAll('holdfastIdentifyJob', 'holdfastNameJob'), code)).not.toBeNull();
  });
});

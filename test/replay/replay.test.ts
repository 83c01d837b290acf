import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import { readHistory } from './history-text.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

const directory = join(import.meta.dirname, 'histories');
const names = readdirSync(directory).sort();

async function replay(name: string, text: string): Promise<string | null> {
  const workflowId = name.replace('.json', '');
  const results = Worker.runReplayHistories({ workflowBundle: await workflowBundle() }, [
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

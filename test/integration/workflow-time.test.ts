import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/create-activities.ts';
import { testServerExecutable } from '../../server/test-server.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import type { JobInput, JobResult, OpenedRun, PlanOutcome, RunStatus } from '../../workflows/messages.ts';

/** What the job's own workflow asks for. */
type JobActivities = Omit<Activities, 'holdfastIdentifyJob'>;

Runtime.install({ logger: new DefaultLogger('ERROR') });

const HOUR_MS = 3_600_000;

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  const executable = await testServerExecutable({ say: () => undefined });
  env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
});
afterAll(() => env.teardown());

/** What the activities answer, and what they were asked: a ledger would be asked in their place, but it has a clock of its own. */
class Script {
  readonly asked: { readonly activity: string; readonly at: number; readonly detail?: unknown }[] = [];
  readonly run: OpenedRun;
  closes: ('not-done' | 'restored' | JobResult['state'])[] = ['complete'];

  constructor(jobId: string) {
    const ledger = { id: 'ledger', commits: 1 };
    const fixed = { kind: 'run', params: '{}', jobNo: 1, generation: 1, epoch: 1, heartbeatTimeoutMs: 30_000 } as const;
    this.run = { ...fixed, jobId, name: 'scripted', ledger };
  }

  status(more: Partial<RunStatus> = {}): RunStatus {
    return { at: this.asked.length, paused: false, stop: null, nextDueAt: null, waiting: 0, full: false, ...more };
  }

  plan(more: Partial<PlanOutcome> = {}): PlanOutcome {
    return { kind: 'planned', chunks: [], last: 1, ended: true, workers: 1, status: this.status(), ...more };
  }

  async ask(activity: string, detail?: unknown): Promise<number> {
    const at = await env.currentTimeMs();
    this.asked.push({ activity, at, detail });
    return at;
  }

  activities(over: Partial<JobActivities> = {}): JobActivities {
    return {
      holdfastOpenJob: async () => {
        await this.ask('openJob');
        return { kind: 'fresh', run: this.run, plan: this.plan({ chunks: [1] }) };
      },
      holdfastPlanChunks: async (input) => {
        await this.ask('planChunks', input.changed);
        return this.plan();
      },
      holdfastRunChunk: async (input) => {
        await this.ask(input.kind, input.numbers);
        return { kind: 'ran', left: [], changed: null, chunkMs: 1, ledger: this.run.ledger, status: this.status() };
      },
      holdfastCloseJob: async (input) => {
        await this.ask('closeJob', input.cancelled);
        const state = this.closes.shift() ?? 'complete';
        if (state === 'not-done' || state === 'restored') return { kind: state };
        const { jobId, name: job } = this.run;
        return { kind: 'closed', result: { jobId, job, generation: 1, state, error: null, nothingNewSince: null } };
      },
      ...over,
    };
  }

  names(): string[] {
    return this.asked.map(({ activity }) => activity);
  }
}

async function runScript(
  script: Script,
  over: Partial<JobActivities> = {},
  cancelAfterMs: number | null = null,
): Promise<JobResult> {
  const taskQueue = script.run.jobId;
  const bundle = await workflowBundle();
  const activities = script.activities(over);
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowBundle: bundle,
    activities,
  });
  const input: JobInput = { jobId: taskQueue, name: 'scripted', params: '{}', again: false, limit: null };
  return worker.runUntil(async () => {
    const handle = await env.client.workflow.start('holdfastJob', { workflowId: taskQueue, taskQueue, args: [input] });
    if (cancelAfterMs !== null) {
      await env.sleep(cancelAfterMs);
      await handle.cancel();
    }
    return (await handle.result()) as JobResult;
  });
}

describe('the job workflow sleeps durably', () => {
  test('an item that is due in six hours is run then, and nothing runs meanwhile', async () => {
    const script = new Script('backoff');
    let due = 0;
    const result = await runScript(script, {
      holdfastRunChunk: async ({ kind }) => {
        const now = await script.ask(kind);
        if (kind === 'range') due = now + 6 * HOUR_MS;
        const status = kind === 'range' ? script.status({ nextDueAt: due, waiting: 1 }) : script.status();
        return { kind: 'ran', left: [], changed: null, chunkMs: 1, ledger: script.run.ledger, status };
      },
    });
    expect(result.state).toBe('complete');
    expect(script.names()).toEqual(['openJob', 'range', 'retry', 'closeJob']);
    expect(script.asked[2]?.at).toBeGreaterThanOrEqual(due);
  });

  test('a paused job whose wake-up was lost is looked at again, and goes on when it is resumed', async () => {
    const script = new Script('paused');
    let looks = 0;
    const result = await runScript(script, {
      holdfastOpenJob: async () => {
        await script.ask('openJob');
        return {
          kind: 'fresh',
          run: script.run,
          plan: script.plan({ chunks: [1], status: script.status({ paused: true }) }),
        };
      },
      holdfastPlanChunks: async () => {
        await script.ask('planChunks');
        return script.plan({ last: 1, status: script.status({ paused: ++looks < 3 }) });
      },
    });
    expect(result.state).toBe('complete');
    expect(script.names()).toEqual(['openJob', 'planChunks', 'planChunks', 'planChunks', 'range', 'closeJob']);
  });
});

describe('the job workflow believes the ledger', () => {
  test('a close that says not done: everything is planned again from the start', async () => {
    const script = new Script('not-done');
    script.closes = ['not-done', 'complete'];
    const result = await runScript(script, {
      holdfastPlanChunks: async ({ after }) => {
        await script.ask('planChunks', after);
        return script.plan({ chunks: after === 0 ? [1] : [], last: 1 });
      },
    });
    expect(result.state).toBe('complete');
    expect(script.names()).toEqual(['openJob', 'range', 'closeJob', 'planChunks', 'range', 'closeJob']);
  });

  test('a close that says restored: the job is opened again', async () => {
    const script = new Script('restored');
    script.closes = ['restored', 'complete'];
    expect(await runScript(script)).toMatchObject({ state: 'complete' });
    expect(script.names()).toEqual(['openJob', 'range', 'closeJob', 'openJob', 'planChunks', 'closeJob']);
  });

  test('a cancelled run whose ledger was restored is cancelled in that ledger, and nothing runs', async () => {
    const script = new Script('cancelled');
    script.closes = ['restored', 'cancelled'];
    const waiting = { paused: true };
    const result = await runScript(
      script,
      {
        holdfastOpenJob: async () => {
          await script.ask('openJob');
          return { kind: 'fresh', run: script.run, plan: script.plan({ chunks: [1], status: script.status(waiting) }) };
        },
      },
      1_000,
    );
    expect(result.state).toBe('cancelled');
    expect(script.names()).toEqual(['openJob', 'closeJob', 'openJob', 'closeJob']);
  });

  test('a chunk whose bytes changed: planning looks at it, from the start', async () => {
    const script = new Script('changed');
    await runScript(script, {
      holdfastRunChunk: async () => {
        await script.ask('range');
        const { ledger } = script.run;
        return { kind: 'ran', left: [], changed: 1, chunkMs: null, ledger, status: script.status() };
      },
    });
    expect(script.names()).toEqual(['openJob', 'range', 'planChunks', 'closeJob']);
    expect(script.asked[2]?.detail).toBe(1);
  });

  test('a failure that no retry mends ends the run as failed, through the ledger', async () => {
    const script = new Script('failure');
    script.closes = ['failed'];
    const { ApplicationFailure } = await import('@temporalio/common');
    const result = await runScript(script, {
      holdfastRunChunk: async () => {
        throw ApplicationFailure.nonRetryable('no', 'HF_KEY_UNSTABLE');
      },
    });
    expect(result.state).toBe('failed');
  });
});

import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { TaskContext } from '../../definitions/context.ts';
import { type AnyTask, defineTask, type TaskOptions } from '../../definitions/task.ts';
import { bundle, PluggedSite } from './plugged-site.ts';

type Run = (input: unknown, ctx: TaskContext) => unknown;
type Options = Omit<TaskOptions<string, unknown, unknown>, 'name' | 'run'>;

interface Given {
  readonly tasks: readonly AnyTask[];
  readonly input?: unknown;
  /** Of the activity. */
  readonly options?: Record<string, unknown>;
}

/** Runs tasks from a workflow, for the tests of a file. */
export class TaskBench {
  /** When each call of a task began. */
  calls: number[] = [];
  #site: PluggedSite | null = null;
  #bundle: WorkflowBundleWithSourceMap | null = null;

  constructor() {
    beforeAll(async () => {
      this.#site = await PluggedSite.create();
      this.#bundle = await bundle('task-flows.ts');
    });
    afterAll(() => this.site.remove());
    beforeEach(() => {
      this.calls = [];
    });
  }

  get site(): PluggedSite {
    return this.#site as PluggedSite;
  }

  get workflowBundle(): WorkflowBundleWithSourceMap {
    return this.#bundle as WorkflowBundleWithSourceMap;
  }

  /** A task whose calls are noted. */
  task = (name: string, options: Options, run: Run): AnyTask =>
    defineTask({
      name,
      ...options,
      run: (input: unknown, ctx) => {
        this.calls.push(performance.now());
        return run(input, ctx);
      },
    });

  /** Runs the first task from a workflow. */
  run = ({ tasks, input = null, options = {} }: Given): Promise<unknown> => {
    const { site, workflowBundle } = this;
    const taskQueue = site.newName('queue');
    const args = [tasks[0]?.name, input, options];
    return site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] }, () =>
      site.execute('taskFlow', { taskQueue, args }),
    );
  };

  /** Runs each of the tasks from a workflow of its own, at once; what each came to. */
  runEach = (
    tasks: readonly AnyTask[],
    options: Record<string, unknown> = {},
  ): Promise<PromiseSettledResult<unknown>[]> => {
    const { site, workflowBundle } = this;
    const taskQueue = site.newName('queue');
    const args = tasks.map(({ name }) => [name, null, options]);
    return site.working({ taskQueue, workflowBundle, plugins: [site.plugin({ tasks })] }, () =>
      Promise.allSettled(args.map((each) => site.execute('taskFlow', { taskQueue, args: each }))),
    );
  };

  /** Milliseconds between the calls. */
  waits(): readonly number[] {
    return this.calls.slice(1).map((at, n) => at - (this.calls[n] as number));
  }
}

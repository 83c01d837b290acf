import { HoldfastError, isHoldfastError } from '../definitions/errors.ts';
import { checkInput, type TaskSpec } from '../definitions/task.ts';
import type { Explanation } from '../memoization/entries.ts';
import { keyOf } from '../memoization/key.ts';
import type { MemoKey, MemoTask } from '../memoization/memoization.ts';
import { chooseTask } from './choose-task.ts';
import { withMemoStore } from './memo-store.ts';
import { describeExplanation } from './memo-text.ts';
import type { Output } from './output.ts';
import { readValue } from './read-value.ts';

export interface ExplainOptions {
  readonly file: string;
  readonly task?: string | undefined;
  /** JSON, `@FILE`, or `-` for stdin. */
  readonly input: string;
}

/** `holdfast memo explain`: whether a call with this input would take a stored result, and why not. */
export async function explain(output: Output, { file, task: name, input: given }: ExplainOptions): Promise<number> {
  const spec = await chooseTask(file, name);
  const task = memoizedTask(spec);
  const input = await checkedInput(spec, await readValue(given, '--input'));
  const key = keyOfGiven(task, input);
  return withMemoStore(async ({ entries }) => {
    const explanation: Explanation = (await entries?.explain(task, key)) ?? {
      kind: 'miss',
      key: key.hash,
      reason: { kind: 'never' },
    };
    const { version } = task;
    const { kind: outcome, ...found } = explanation;
    output.document({ task: task.name, version, outcome, ...found });
    for (const line of describeExplanation(explanation, { task: task.name, version, now: Date.now() }))
      output.line(line);
    if (explanation.kind === 'hit' && task.memoize.refresh)
      output.note('holdfast: memoize.refresh is true: a run takes only results that were made since it began');
    return 0;
  });
}

/** The task as memoization knows it. Errors: HF_TASK_NOT_MEMOIZED. */
function memoizedTask({ name, version, memoize }: TaskSpec): MemoTask {
  if (memoize === null) throw new HoldfastError('HF_TASK_NOT_MEMOIZED', { task: name });
  return { name, version, memoize };
}

/** What is given on a command line and has no key is a wrong option, not a failed call. */
function keyOfGiven(task: MemoTask, input: unknown): MemoKey {
  try {
    return keyOf(task, input, false);
  } catch (error) {
    const problem = `it has no key: ${whyNoKey(task, error)}`;
    throw new HoldfastError('HF_OPTION_INVALID', { option: '--input', value: 'not right', problem }, { cause: error });
  }
}

function whyNoKey({ name, memoize }: MemoTask, error: unknown): string {
  if (!isHoldfastError(error, 'HF_MEMO_KEY')) {
    return `memoize.key of task ${name} threw ${error instanceof Error ? error.message : String(error)}`;
  }
  const [path, value] = [String(error.fields.path), String(error.fields.value)];
  // JSON has no undefined: the key asks for a member that is not there.
  const asked = memoize.key !== null && path.startsWith('$.') && value === 'undefined';
  return asked ? `memoize.key of task ${name} finds no ${path.slice('$.'.length)} in it` : `${path} is ${value}`;
}

/** The input as `run` would get it. What the schema refuses is a wrong option here, not a failed call. */
async function checkedInput(spec: TaskSpec, input: unknown): Promise<unknown> {
  try {
    return await checkInput(spec, input);
  } catch (error) {
    if (!isHoldfastError(error, 'HF_INPUT_SCHEMA')) throw error;
    const problem = `it does not fit the schema of task ${spec.name}: ${String(error.fields.issues)}`;
    throw new HoldfastError('HF_OPTION_INVALID', { option: '--input', value: 'not right', problem }, { cause: error });
  }
}

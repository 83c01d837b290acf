import type { Command } from 'commander';
import { addCancel } from './commands/cancel.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFailures } from './commands/failures.ts';
import { addList } from './commands/list.ts';
import { addMemo } from './commands/memo.ts';
import { addPause } from './commands/pause.ts';
import { addPlan } from './commands/plan.ts';
import { addRedrive } from './commands/redrive.ts';
import { addResults } from './commands/results.ts';
import { addResume } from './commands/resume.ts';
import { addRun } from './commands/run.ts';
import { addServer } from './commands/server.ts';
import { addSet } from './commands/set.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addWatch } from './commands/watch.ts';
import { addWorker } from './commands/worker.ts';
import type { Output } from './output.ts';

/** A command's work. Resolves to its exit code. */
export type Action = (output: Output) => Promise<number>;

/** Takes a command's work, with whether its answer is to be JSON. */
export type Perform = (json: boolean, action: Action) => void;

/** In the order of `--help`. */
const commands = [
  addRun,
  addWorker,
  addStart,
  addStatus,
  addWatch,
  addList,
  addPause,
  addResume,
  addCancel,
  addSet,
  addFailures,
  addRedrive,
  addResults,
  addPlan,
  addMemo,
  addServer,
  addDoctor,
];

export function addCommands(program: Command, perform: Perform): void {
  for (const add of commands) add(program, perform);
}

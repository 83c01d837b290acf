import type { Command } from 'commander';
import { addRun } from './commands/run.ts';
import type { Action } from './main.ts';

/** Takes a command's work, with whether its answer is to be JSON. */
export type Perform = (json: boolean, action: Action) => void;

/** Every command, in the order of `--help`. */
export function addCommands(program: Command, perform: Perform): void {
  for (const add of [addRun]) add(program, perform);
}

import { type Command, InvalidArgumentError } from 'commander';

/** Reads `--param k=v`, one after another. */
export function takeParam(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write it as name=value.');
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`Param ${name} is given twice.`);
  return { ...before, [name]: text.slice(at + 1) };
}

export function takeCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Give a whole number above 0.');
  return value;
}

export function takePort(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535) throw new InvalidArgumentError('Give a port, 1 to 65535.');
  return value;
}

export function takeKey(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Calls a second, or `none` (Commander takes a null for an empty text). */
export function takeRate(text: string): number | 'none' {
  if (text === 'none') return text;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError("Give a number above 0, or 'none'.");
  }
  return value;
}

/** What every command takes. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout, everything else on stderr');
}

export interface StartCommandOptions {
  readonly job?: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly again?: boolean;
  readonly refresh?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
  readonly help?: boolean;
}

/** What `run` and `start` take. */
export function withStartOptions(command: Command): Command {
  return command
    .option('--job <name>', 'which job, where the file has several')
    .option('--param <name=value>', 'a param of the job; once for each', takeParam)
    .option('--id <id>', "the job's id [default: what the job says, else its name and a short hash of its params]")
    .option('--again', 'run every item anew, if the job is complete (else continue it)')
    .option('--refresh', 'compute memoized results anew and store them, whatever is stored')
    .option('--limit <n>', 'take only the first n items', takeCount);
}

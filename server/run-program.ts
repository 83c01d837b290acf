import { spawn } from 'node:child_process';

export type ProgramEnd =
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Runs a program to its end, within a time limit, and keeps the end of what it writes. Never throws. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: NodeJS.ProcessEnv; readonly abort?: AbortSignal },
): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const signals = [AbortSignal.timeout(options.timeoutMs), ...(options.abort ? [options.abort] : [])];
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      signal: AbortSignal.any(signals),
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (text: string) => {
      output = (output + text).slice(-200_000);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', (error) => resolve({ kind: 'failed', reason: reasonOf(error, options.timeoutMs) }));
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ kind: 'done', output });
      else resolve({ kind: 'failed', reason: `${signal ?? `exit code ${code}`}: ${lastLine(output)}` });
    });
  });
}

function reasonOf(error: Error, timeoutMs: number): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'not found';
  return error.name === 'AbortError' ? `gave up after at most ${timeoutMs / 1000} s` : error.message;
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.slice(0, 300) ?? '';
}

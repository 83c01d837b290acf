import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import { decodeValue } from '../definitions/values.ts';

/**
 * The value of an option that takes JSON: the text itself, `@FILE`, or `-` for stdin. Dates, bigints and bytes are given in the
 * encoding of stored values. Errors: HF_OPTION_INVALID, with the place of what is no JSON.
 */
export async function readValue(given: string, option: string): Promise<unknown> {
  const text = await readText(given, option);
  try {
    return decodeValue(text);
  } catch (cause) {
    const shown = given === '-' ? 'stdin' : given.startsWith('@') ? given : showValue(given);
    const problem = `it is not JSON: ${jsonProblem(text) ?? String((cause as Error).message)}`;
    throw new HoldfastError('HF_OPTION_INVALID', { option, value: shown, problem }, { cause });
  }
}

async function readText(given: string, option: string): Promise<string> {
  if (given === '-') return textOf(process.stdin);
  if (!given.startsWith('@')) return given;
  try {
    return await readFile(given.slice(1), 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem = `it cannot be read: ${code === 'ENOENT' ? 'there is no such file' : message}`;
    throw new HoldfastError('HF_OPTION_INVALID', { option, value: given, problem }, { cause });
  }
}

/** What is wrong with a text as JSON, with its line and column (from 1); null where it is JSON. */
export function jsonProblem(text: string): string | null {
  const message = parseProblem(text);
  if (message === null) return null;
  const at = problemPosition(text);
  const before = text.slice(0, at).split('\n');
  const place = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  if (at >= text.length) return text.trim() === '' ? 'it is empty' : `it ends too early (${place})`;
  return `${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))} is not expected there (${place})`;
}

function parseProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Where a text stops being the beginning of some JSON: the engine says it of some problems only. What is wrong at one
 * length is wrong at every greater one, so the place is searched for by halves.
 */
function problemPosition(text: string): number {
  let good = 0;
  let bad = text.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function mayGoOn(text: string): boolean {
  const message = parseProblem(text);
  if (message === null || /end of JSON|Unterminated/.test(message)) return true;
  const at = /at position (\d+)/.exec(message)?.[1];
  return at !== undefined && Number(at) >= text.length;
}

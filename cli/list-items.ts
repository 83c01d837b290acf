import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FailedItem } from '../client/index.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { encodeValue } from '../definitions/values.ts';
import { counted, shellWord } from './format.ts';
import { withClient } from './open-client.ts';
import type { Output } from './output.ts';

/** `holdfast failures` */
export async function listFailures(output: Output, id: string, out: string | undefined): Promise<number> {
  return withClient(async (client) => {
    const handle = client.job(id);
    const { summary } = await handle.status();
    let listed = 0;
    const failures = async function* () {
      for await (const failure of handle.failures()) {
        listed++;
        yield failure;
      }
    };
    if (out !== undefined) {
      await writeLines(out, failures());
      output.line(`${counted(listed, 'failure')} written to ${out}`);
      output.document({ jobId: id, failures: listed, file: resolve(out) });
      return 0;
    }
    if (output.json) await output.array(failures(), textOf);
    else for await (const failure of failures()) output.line(describeFailure(failure));
    if (listed === 0) output.line(`${id}: no failures`);
    else
      output.note(
        `holdfast: ${counted(listed, 'failure')}; with their input: --out FILE; send them through again: holdfast redrive ${shellWord(id)}`,
      );
    if (summary.items.waiting > 0)
      output.note(
        `holdfast: ${counted(summary.items.waiting, 'item')} more ${summary.items.waiting === 1 ? 'waits for its' : 'wait for their'} next try`,
      );
    return 0;
  });
}

async function writeLines(path: string, failures: AsyncIterable<FailedItem>): Promise<void> {
  const lines = async function* () {
    for await (const failure of failures) yield `${textOf(failure)}\n`;
  };
  try {
    await pipeline(Readable.from(lines()), createWriteStream(path));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined || code.startsWith('HF_')) throw cause;
    throw new HoldfastError(
      'HF_OPTION_INVALID',
      { option: '--out', value: path, problem: `it cannot be written: ${message}` },
      { cause },
    );
  }
}

/** Dates, bigints and bytes in an input are shown in their encoding. */
function textOf({ input, ...rest }: FailedItem): string {
  return `${JSON.stringify(rest).slice(0, -1)},"input":${encodeValue(input)}}`;
}

function describeFailure({ key, state, reason, attempts, error, place }: FailedItem): string {
  const where =
    place.file === undefined
      ? place.index === undefined
        ? ''
        : `index ${place.index}`
      : `${place.file}:${place.line}`;
  const tries = attempts > 0 ? `, ${counted(attempts, 'attempt')}` : '';
  const code = error.code === undefined ? '' : ` (${error.code})`;
  const kind = state === 'unknown' ? 'unknown' : reason;
  return `${key ?? '(no key)'}  ${where}  ${kind}${tries}: ${error.message.split('\n', 1)[0]}${code}`;
}

/** `holdfast results` */
export async function printResults(output: Output, id: string): Promise<number> {
  return withClient(async (client) => {
    const results = client.job(id).results();
    const line = ({ key, result }: { readonly key: string; readonly result: unknown }) =>
      `{"key":${JSON.stringify(key)},"result":${encodeValue(result)}}`;
    if (output.json) await output.array(results, line);
    else for await (const result of results) await output.text(`${line(result)}\n`);
    return 0;
  });
}

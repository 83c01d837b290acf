import { encodeValue } from '../definitions/values.ts';
import type { EntrySelection, EntryView } from '../memoization/entries.ts';
import { count, counted, size } from './format.ts';
import { findEntry, withMemoStore } from './memo-store.ts';
import { cost, describeEntry, entriesTable, rowLines, statsTable, validEntries } from './memo-text.ts';
import type { Output } from './output.ts';
import { alignRows } from './table.ts';

const RESULT_CHARS_MAX = 2_000;

/** `holdfast memo stats` */
export async function printStats(output: Output): Promise<number> {
  return withMemoStore(async ({ entries, url }) => {
    const stats = (await entries?.stats()) ?? [];
    output.document(stats.map((each) => ({ ...each, valid: validEntries(each) })));
    if (output.json) return 0;
    if (stats.length === 0) {
      output.line(nothingStored(url));
      return 0;
    }
    for (const line of alignRows(statsTable(stats))) output.line(line);
    const sum = (of: (each: (typeof stats)[number]) => number) => stats.reduce((total, each) => total + of(each), 0);
    const [all, valid] = [sum(({ entries: n }) => n), sum(validEntries)];
    const saves = valid === 0 ? '' : `; what is valid took ${cost(sum(({ costMs }) => costMs))} to compute`;
    output.line(
      `${count(all)} ${all === 1 ? 'entry' : 'entries'} (${count(valid)} valid), ${size(sum(({ bytes }) => bytes))}${saves}`,
    );
    return 0;
  });
}

export interface ListOptions {
  readonly task?: string | undefined;
  readonly version?: string | undefined;
  readonly limit: number;
}

/** `holdfast memo ls` */
export async function printEntries(output: Output, { task, version, limit }: ListOptions): Promise<number> {
  return withMemoStore(async ({ entries, url }) => {
    const selection: EntrySelection = {
      ...(task === undefined ? {} : { task }),
      ...(version === undefined ? {} : { version }),
    };
    // One more than is shown tells whether there are more.
    const found = (await entries?.list(selection, { limit: limit + 1 })) ?? [];
    const shown = found.slice(0, limit);
    output.document(shown);
    if (output.json) return 0;
    if (shown.length === 0) {
      const all = Object.keys(selection).length === 0;
      output.line(all ? nothingStored(url) : `no such results in ${url}: holdfast memo stats shows what there is`);
    } else for (const line of alignRows(entriesTable(shown))) output.line(fitted(line));
    if (found.length > limit)
      output.note(`holdfast: the newest ${counted(limit, 'result')}; more with --limit, fewer with --task`);
    return 0;
  });
}

/** `holdfast memo show KEY` */
export async function showEntry(output: Output, given: string): Promise<number> {
  return withMemoStore(async (store) => {
    const entry = await findEntry(store, given, 'KEY');
    const found = (await store.entries?.valueOf(entry.key)) ?? null;
    const text = found && encodeValue(found.value);
    if (output.json) {
      // The result as its text, so that what JSON has no form for is shown in its encoding.
      const document = JSON.stringify(entry);
      await output.text(`${text === null ? document : `${document.slice(0, -1)},"result":${text}}`}\n`);
      return 0;
    }
    for (const line of describeEntry(entry, Date.now())) output.line(line);
    const shown = text === null ? whyNoResult(entry) : resultText(text);
    if (shown !== null) for (const line of rowLines([['result', shown]])) output.line(line);
    return 0;
  });
}

/** Null: there cannot be one yet. */
function whyNoResult({ state, sealed }: EntryView): string | null {
  if (state === 'running') return null;
  if (state === 'invalidated') return '(let go of when it was invalidated)';
  if (state === 'damaged') return '(missing or damaged)';
  if (sealed) return '(encrypted by a payload codec, which this command does not have)';
  return '(in the form of the program that stored it, which this command cannot read)';
}

function resultText(text: string): string {
  if (text.length <= RESULT_CHARS_MAX) return text;
  return `${text.slice(0, RESULT_CHARS_MAX)}… (${count(text.length)} characters; all of it with --json)`;
}

/** The input stands last: on a terminal it is cut rather than the table torn. */
function fitted(line: string): string {
  const { isTTY, columns } = process.stdout;
  return isTTY && line.length > columns ? `${line.slice(0, Math.max(40, columns) - 1)}…` : line;
}

function nothingStored(url: string): string {
  return `no results stored yet in ${url}`;
}

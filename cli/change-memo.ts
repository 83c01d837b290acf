import type { EntrySelection } from '../memoization/entries.ts';
import { count, size } from './format.ts';
import { findEntry, withMemoStore } from './memo-store.ts';
import type { Output } from './output.ts';

export interface InvalidateOptions {
  readonly task?: string | undefined;
  readonly version?: string | undefined;
  /** A key, or its beginning. */
  readonly key?: string | undefined;
  readonly olderThanMs?: number | undefined;
}

/** `holdfast memo invalidate`: of all that is given, what fits everything; of nothing, all. */
export async function invalidate(output: Output, options: InvalidateOptions): Promise<number> {
  return withMemoStore(async (store) => {
    const { task, version, olderThanMs } = options;
    const key = options.key === undefined ? undefined : (await findEntry(store, options.key, '--key')).key;
    const selection: EntrySelection = {
      ...(task === undefined ? {} : { task }),
      ...(version === undefined ? {} : { version }),
      ...(key === undefined ? {} : { key }),
      ...(olderThanMs === undefined ? {} : { madeBefore: Date.now() - olderThanMs }),
    };
    const invalidated = (await store.entries?.invalidate(selection)) ?? 0;
    output.document({ invalidated });
    output.line(
      invalidated === 0
        ? 'nothing to invalidate: holdfast memo stats shows what there is'
        : `${entries(invalidated)} invalidated: the next call with such an input computes anew. holdfast memo gc removes what is over, files when they are an hour old`,
    );
    return 0;
  });
}

/** `holdfast memo gc` */
export async function collect(output: Output): Promise<number> {
  return withMemoStore(async ({ entries: stored }) => {
    const collected = (await stored?.collect()) ?? { entries: 0, files: 0, bytes: 0 };
    output.document(collected);
    const files = `${count(collected.files)} result ${collected.files === 1 ? 'file' : 'files'} without an entry`;
    const freed = collected.bytes === 0 ? '' : `: ${size(collected.bytes)} freed`;
    output.line(
      collected.entries + collected.files === 0
        ? 'nothing to remove: no entry is expired or invalidated, and every result file belongs to one or is younger than an hour'
        : `removed ${entries(collected.entries)} (expired or invalidated) and ${files}${freed}`,
    );
    if (collected.entries > 0)
      output.note('holdfast: a result file stays for an hour after it was written; run it again later');
    return 0;
  });
}

function entries(value: number): string {
  return `${count(value)} ${value === 1 ? 'entry' : 'entries'}`;
}

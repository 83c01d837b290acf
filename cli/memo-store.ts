import { JobRecords } from '../client/job-records.ts';
import { HoldfastError } from '../definitions/errors.ts';
import { resultsFolder, storeUrl } from '../ledger/open-store.ts';
import type { EntryView, MemoEntries } from '../memoization/entries.ts';
import { openEntries } from '../memoization/open-memoization.ts';
import { findHome } from '../server/home.ts';
import { livingOwners } from '../worker/living-owners.ts';
import { counted } from './format.ts';

/** Digits of a key that tell it apart in a list. */
export const KEY_DIGITS_SHOWN = 12;
const KEY_DIGITS_MIN = 8;

export interface MemoStore {
  /** Null: there is no store yet, and looking makes none. */
  readonly entries: MemoEntries | null;
  readonly records: JobRecords;
  readonly url: string;
}

/** Runs `work` with the stored results and the job records of this place; no worker and no server is needed. */
export async function withMemoStore<T>(work: (store: MemoStore) => Promise<T>): Promise<T> {
  const home = findHome();
  const directory = process.cwd();
  const url = storeUrl(home, process.env);
  const records = new JobRecords({ home, directory, storeUrl: url });
  try {
    const store = await records.store();
    const entries =
      store &&
      (await openEntries({
        database: store.database,
        results: resultsFolder(home, process.env),
        directory,
        now: Date.now,
        seal: null,
        livingOwners: (owners) => livingOwners({ store, home }, owners),
      }));
    return await work({ entries, records, url });
  } finally {
    await records.close();
  }
}

/** The one entry whose key begins so. Errors: HF_OPTION_INVALID, HF_MEMO_ENTRY_UNKNOWN, HF_MEMO_ENTRY_AMBIGUOUS. */
export async function findEntry({ entries, url }: MemoStore, given: string, option: string): Promise<EntryView> {
  const prefix = given.toLowerCase();
  if (!/^[0-9a-f]{8,64}$/.test(prefix)) {
    const problem = `give a key of holdfast memo ls: ${KEY_DIGITS_MIN} to 64 of its hexadecimal digits`;
    throw new HoldfastError('HF_OPTION_INVALID', { option, value: `'${given}'`, problem });
  }
  const found = (await entries?.find(prefix)) ?? [];
  const [only, another] = found;
  if (only === undefined) throw new HoldfastError('HF_MEMO_ENTRY_UNKNOWN', { key: prefix, store: url });
  if (another === undefined) return only;
  const keys = found.slice(0, 5).map(({ key, task }) => `${key.slice(0, digitsThatTell(found))} of ${task}`);
  const more = found.length > 5 ? [`and ${counted(found.length - 5, 'other')}`] : [];
  throw new HoldfastError('HF_MEMO_ENTRY_AMBIGUOUS', { key: prefix, entries: [...keys, ...more] });
}

/** As many digits as it takes to tell all keys apart, and not fewer than lists show. */
function digitsThatTell(entries: readonly EntryView[]): number {
  let digits = KEY_DIGITS_SHOWN;
  while (digits < 64 && new Set(entries.map(({ key }) => key.slice(0, digits))).size < entries.length) digits += 4;
  return digits;
}

import type { Database } from '../database/database.ts';
import type { PartChange } from './entries.ts';
import { partsOf } from './entry-view.ts';
import { hexOf } from './key-bytes.ts';
import type { Parts } from './parts.ts';

/** Entries that are compared, the newest ones. */
const COMPARED_MAX = 100_000;
const PAGE = 5_000;

export interface NearestSearch {
  readonly taskNo: number;
  /** The parts of the key that was missed, in plain and as hashes: what is stored may be either. */
  readonly plain: Parts;
  readonly hidden: Parts;
}

export interface Nearest {
  readonly key: string;
  readonly changes: readonly PartChange[];
}

interface Row {
  readonly entry_no: number;
  readonly key: Uint8Array;
  readonly tail: Uint8Array;
  readonly parts: string;
}

/** The stored entry of a task that differs in the fewest parts, of several the newest; null where none has a part in common. */
export async function findNearest(database: Database, search: NearestSearch): Promise<Nearest | null> {
  let nearest: Nearest | null = null;
  let before = Number.MAX_SAFE_INTEGER;
  for (let compared = 0; compared < COMPARED_MAX; ) {
    const rows: Row[] = await database.read((tx) =>
      tx.all<Row>(
        `SELECT entry_no, key, tail, parts FROM hf_memo WHERE task_no = ? AND entry_no < ?
         ORDER BY entry_no DESC LIMIT ${PAGE}`,
        [search.taskNo, before],
      ),
    );
    for (const row of rows) {
      const changes = compare(partsOf(row.parts), search, nearest?.changes.length ?? Number.POSITIVE_INFINITY);
      if (changes !== null) nearest = { key: hexOf(row.key) + hexOf(row.tail), changes };
    }
    compared += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) break;
    before = last.entry_no;
  }
  return nearest;
}

/** What differs; null where nothing is the same, or not fewer parts than `fewerThan` differ. */
function compare(stored: Parts, { plain, hidden }: NearestSearch, fewerThan: number): readonly PartChange[] | null {
  const changes: PartChange[] = [];
  let same = 0;
  for (const part of new Set([...Object.keys(plain), ...Object.keys(stored)])) {
    const from = stored[part] ?? null;
    const to = plain[part] ?? null;
    if (from !== null && (from === to || from === hidden[part])) same += 1;
    else changes.push({ part, from, to: isHash(from) ? (hidden[part] ?? null) : to });
    if (changes.length >= fewerThan) return null;
  }
  return same > 0 ? changes : null;
}

const isHash = (text: string | null): boolean => text !== null && /^#[0-9a-f]{8}$/.test(text);

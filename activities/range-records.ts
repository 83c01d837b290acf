import { HoldfastError, isHoldfastError, showValue } from '../definitions/errors.ts';
import { validate } from '../definitions/standard-schema.ts';
import { encodeValue } from '../definitions/values.ts';
import type { NewItem } from '../ledger/items.ts';
import { hashKeys } from '../ledger/key-hash.ts';
import type { ItemReason } from '../ledger/rows.ts';
import type { Place, ReadRecord, SourceRecord } from '../sources/source.ts';
import type { ItemWork } from './item-context.ts';
import { describeError } from './item-outcome.ts';
import type { JobSession } from './job-session.ts';

/** How many of a chunk's items have their key computed twice, to notice a key function that is none. */
const KEYS_CHECKED_TWICE = 3;

/** A record on its way to the user's function. One object an item, for a million of them fill the young generation. */
export interface GoodRecord extends ItemWork {
  readonly kind: 'good';
  /** As it was read: its place is made when it is asked for. */
  readonly read: SourceRecord<unknown>;
  /** In the ledger; set once the chunk is claimed. */
  position: number;
}

/** A record that never gets to the user's function. */
export interface BadRecord {
  readonly kind: 'bad';
  readonly reason: ItemReason;
  readonly key: string | null;
  readonly read: ReadRecord<unknown>;
  readonly error: string;
}

export type RangeRecord = GoodRecord | BadRecord;

export interface RangeRecords {
  readonly records: readonly RangeRecord[];
  /** Of the keys, in order; a record without one has a stand-in made of its place. */
  readonly hashes: Buffer;
}

/** What knows a job's schema, key and limits. */
type Checker = Pick<JobSession, 'spec'>;

/** Checks what a source read: size, schema, key. What does not pass is quarantined in its place; the rest goes on. */
export async function checkRecords(session: Checker, read: readonly ReadRecord<unknown>[]): Promise<RangeRecords> {
  const records: RangeRecord[] = new Array(read.length);
  const keys: string[] = new Array(read.length);
  for (let i = 0; i < read.length; i++) {
    const checked = checkRecord(session, read[i] as ReadRecord<unknown>, i < KEYS_CHECKED_TWICE);
    const record = checked instanceof Promise ? await checked : checked;
    records[i] = record;
    keys[i] = record.key ?? standInKey(record.read.place);
  }
  return { records, hashes: hashKeys(keys) };
}

/** What stands for the key of a record that has none. No key can begin with NUL and this word: it would be as long as a place. */
export function standInKey(place: Place): string {
  return `\u0000no key\u0000${showPlace(place)}`;
}

function checkRecord(session: Checker, read: ReadRecord<unknown>, twice: boolean): RangeRecord | Promise<RangeRecord> {
  if ('malformed' in read) {
    const error = new HoldfastError('HF_ITEM_MALFORMED', { place: showPlace(read.place), reason: read.malformed });
    return bad(read, 'malformed', withRaw(error, read.raw));
  }
  const { schema, itemBytesMax } = session.spec;
  if (read.bytes > itemBytesMax) {
    const { place, bytes } = read;
    return bad(
      read,
      'too-large',
      new HoldfastError('HF_ITEM_TOO_LARGE', { place: showPlace(place), bytes, limit: itemBytesMax }),
    );
  }
  if (!schema) return keyed(session, { item: read.item, read, twice });
  const take = (result: Awaited<ReturnType<typeof validate>>): RangeRecord => {
    if (result.kind === 'valid') return keyed(session, { item: result.value, read, twice });
    return bad(
      read,
      'schema',
      new HoldfastError('HF_ITEM_SCHEMA', { place: showPlace(read.place), issues: result.issues }),
    );
  };
  try {
    const result = validate(schema, read.item);
    return result instanceof Promise ? result.then(take, (error) => bad(read, 'schema', error)) : take(result);
  } catch (error) {
    return bad(read, 'schema', error);
  }
}

function bad(read: ReadRecord<unknown>, reason: ItemReason, error: unknown): BadRecord {
  return { kind: 'bad', reason, key: null, read, error: describeError(error) };
}

interface Keyed {
  readonly item: unknown;
  readonly read: SourceRecord<unknown>;
  readonly twice: boolean;
}

function keyed(session: Checker, { item, read, twice }: Keyed): RangeRecord {
  try {
    const key = keyOf(session, item, read);
    if (twice) {
      const again = keyOf(session, item, read);
      if (again !== key) {
        throw new HoldfastError('HF_KEY_UNSTABLE', { place: showPlace(read.place), first: key, second: again });
      }
    }
    return { kind: 'good', item, key, attempts: 0, read, position: -1 };
  } catch (error) {
    if (isHoldfastError(error, 'HF_KEY_UNSTABLE')) throw error;
    return bad(read, 'key', error);
  }
}

/** An item's key as text. Errors: HF_KEY_FAILED, HF_KEY_MISSING, HF_KEY_TYPE. */
export function keyOf(session: Checker, item: unknown, read: { readonly place: Place }): string {
  let key: unknown;
  try {
    key = session.spec.key(item);
  } catch (error) {
    throw new HoldfastError('HF_KEY_FAILED', { place: showPlace(read.place), reason: String(error) }, { cause: error });
  }
  if (typeof key === 'string' && key !== '') return key;
  if (typeof key === 'number' && Number.isFinite(key)) return String(key);
  const where = { place: showPlace(read.place), value: showValue(key) };
  throw key === undefined || key === null || key === ''
    ? new HoldfastError('HF_KEY_MISSING', where)
    : new HoldfastError('HF_KEY_TYPE', where);
}

/** A place as messages show it, such as `orders.csv line 7 (byte 312)`. */
export function showPlace(place: Place): string {
  if (place.file !== undefined) return `${place.file} line ${place.line} (byte ${place.byte})`;
  return place.index === undefined ? 'an unknown place' : `index ${place.index}`;
}

/** The place's own fields, whatever class the source made it of. */
function encodePlace({ file, line, byte, index }: Place): string {
  return JSON.stringify({ file, line, byte, index });
}

/** The item as the source gave it, as the ledger keeps it for a later try; null where it cannot be kept. */
function encodeInput(read: ReadRecord<unknown>): string | null {
  if ('malformed' in read || read.item === undefined) return null;
  try {
    return encodeValue(read.item);
  } catch {
    return null;
  }
}

function withRaw(error: Error, raw: string): Error {
  error.cause = raw;
  return error;
}

/** A record as the ledger keeps it when it does not simply land. */
export function ledgerItem(
  session: JobSession,
  { key, read }: Pick<RangeRecord, 'key' | 'read'>,
  item: Pick<NewItem, 'state' | 'reason' | 'attempts' | 'error'> & { readonly dueAt?: number | null },
): Omit<NewItem, 'chunk' | 'position'> {
  return {
    key,
    dueAt: null,
    ...item,
    input: encodeInput(read),
    place: encodePlace(read.place),
    now: session.deps.now(),
  };
}

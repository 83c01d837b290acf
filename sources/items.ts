import { crc32 } from 'node:zlib';
import { HoldfastError, showValue } from '../definitions/errors.ts';
import type { Cursor } from '../definitions/ids.ts';
import type { Source } from '../definitions/source.ts';
import type { AnyIterable } from './item-window.ts';
import { ItemWindow } from './item-window.ts';
import type {
  Place,
  PlannedRange,
  RangeLimits,
  RangeRead,
  SourceChange,
  SourcePort,
  SourceReader,
  SourceRecord,
  SourceState,
} from './source.ts';

const TITLE = 'items';

/**
 * Takes items from memory or from code: an array, an iterable, an async iterable, or a function that returns one. The order must
 * be the same each time, for a restart goes on at an index. What can be iterated once only (a generator, a stream)
 * is iterated anew by a restarted process, but within one a chunk that is read again late needs an array or a function.
 *
 * @throws HF_DEFINITION_INVALID when it is none of these
 * @throws HF_SOURCE_NOT_REPEATABLE while the job runs
 * @example
 * items(async function* () { for await (const page of pages()) yield* page.orders; })
 */
export function items<Item>(all: AnyIterable<Item> | (() => AnyIterable<Item>)): Source<Item> {
  const list = Array.isArray(all) ? (all as readonly Item[]) : null;
  if (typeof all !== 'function') refuseOther('all', all);
  const iterate = () => (typeof all === 'function' ? refuseOther('all()', all()) : all);
  const window = list === null ? new ItemWindow(TITLE, iterate) : null;
  const source: SourcePort<Item> = {
    kind: 'items',
    identity: JSON.stringify({ kind: 'items' }),
    title: TITLE,
    open: async () => (window === null ? new ListReader(list ?? []) : new WindowReader(window)),
  };
  return source;
}

/** A string is iterable too, but its characters are never meant: it is a path by mistake. */
function refuseOther<T>(option: string, value: T): T {
  const iterable =
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  if (iterable) return value;
  const problem = 'give an array, an iterable, an async iterable, or a function that returns one';
  throw new HoldfastError('HF_DEFINITION_INVALID', { what: TITLE, option, value: showValue(value), problem });
}

/** An item with its size worked out when asked for: only a limit needs it. */
class ItemRecord<Item> implements SourceRecord<Item> {
  readonly item: Item;
  private readonly index: number;

  constructor(item: Item, index: number) {
    this.item = item;
    this.index = index;
  }

  get place(): Place {
    return { index: this.index };
  }

  /** Bytes of its JSON text, 0 where it has none. */
  get bytes(): number {
    return Buffer.byteLength(toJson(this.item));
  }
}

function toJson(item: unknown): string {
  try {
    return JSON.stringify(item) ?? '';
  } catch {
    return '';
  }
}

type Range = Pick<PlannedRange, 'from' | 'to' | 'checksum'>;

abstract class IndexReader<Item> implements SourceReader<Item> {
  readonly start: Cursor = writeIndex(0);

  abstract state(): Promise<SourceState>;
  abstract compare(before: SourceState): Promise<SourceChange>;
  protected abstract count(from: number, to: number): Promise<{ readonly count: number; readonly end: boolean }>;
  protected abstract take(from: number, to: number): Promise<readonly Item[]>;

  /** Only the number of records bounds a range: items are in memory already, and their size would cost a pass. */
  async plan(from: Cursor, limits: RangeLimits): Promise<PlannedRange | null> {
    const index = readIndex(from);
    const { count, end } = await this.count(index, index + limits.records);
    if (count === 0) return null;
    const to = writeIndex(index + count);
    return { from, to, next: to, records: count, bytes: 0, checksum: null, end };
  }

  async read(range: Range): Promise<RangeRead<Item>> {
    const from = readIndex(range.from);
    const to = readIndex(range.to);
    const found = await this.take(from, to);
    if (found.length < to - from)
      return {
        kind: 'changed',
        reason: `there are only ${from + found.length} items now, and there were ${to} or more`,
      };
    return { kind: 'records', records: found.map((item, n) => new ItemRecord(item, from + n)) };
  }

  async close(): Promise<void> {}
}

/** How an array looks: its length, and a checksum of some items, spread evenly. */
interface ListState {
  readonly length: number;
  readonly crc: number;
}

const SAMPLE_ITEMS = 1000;

class ListReader<Item> extends IndexReader<Item> {
  private readonly list: readonly Item[];

  constructor(list: readonly Item[]) {
    super();
    this.list = list;
  }

  async state(): Promise<SourceState> {
    return JSON.stringify(look(this.list, this.list.length));
  }

  async compare(before: SourceState): Promise<SourceChange> {
    const was = JSON.parse(before) as ListState;
    const now = this.list.length;
    if (now < was.length) return { kind: 'replaced', reason: `items has ${now} items now, and had ${was.length}` };
    if (look(this.list, was.length).crc !== was.crc)
      return { kind: 'replaced', reason: 'items has other items than before' };
    return { kind: now > was.length ? 'grown' : 'same' };
  }

  protected async count(from: number, to: number): Promise<{ readonly count: number; readonly end: boolean }> {
    const end = Math.min(to, this.list.length);
    return { count: Math.max(0, end - from), end: end === this.list.length };
  }

  protected async take(from: number, to: number): Promise<readonly Item[]> {
    return this.list.slice(from, to);
  }
}

function look(list: readonly unknown[], length: number): ListState {
  const step = Math.max(1, Math.ceil(length / SAMPLE_ITEMS));
  let crc = 0;
  for (let n = 0; n < length; n += step) crc = crc32(`${toJson(list[n])}\n`, crc);
  return { length, crc };
}

class WindowReader<Item> extends IndexReader<Item> {
  private readonly window: ItemWindow<Item>;

  constructor(window: ItemWindow<Item>) {
    super();
    this.window = window;
  }

  async state(): Promise<SourceState> {
    return '{}';
  }

  /** Only iterating shows whether there is more. */
  async compare(): Promise<SourceChange> {
    return { kind: 'grown' };
  }

  protected count(from: number, to: number): Promise<{ readonly count: number; readonly end: boolean }> {
    return this.window.plan(from, to);
  }

  protected take(from: number, to: number): Promise<readonly Item[]> {
    return this.window.read(from, to);
  }
}

function writeIndex(index: number): Cursor {
  return `{"i":${index}}` as Cursor;
}

function readIndex(cursor: Cursor): number {
  const { i } = JSON.parse(cursor) as { readonly i?: unknown };
  if (typeof i !== 'number') throw new TypeError(`not a cursor of items: ${cursor}`);
  return i;
}

import { HoldfastError } from '../definitions/errors.ts';

export type AnyIterable<Item> = Iterable<Item> | AsyncIterable<Item>;

/** Items kept behind the newest, for a chunk that is read again. */
const KEPT_ITEMS = 20_000;
/** Items kept at most: those planned may be read by other processes, and never here. */
const WINDOW_ITEMS_MAX = 200_000;

/**
 * Random access to what can only be iterated: the items from `base` on, as far as they were asked for. Items that were
 * planned and not read yet are kept; an item from before the window is reached by iterating anew, where that is possible.
 */
export class ItemWindow<Item> {
  private readonly title: string;
  private readonly iterate: () => AnyIterable<Item>;
  private iterator: Iterator<Item> | AsyncIterator<Item> | null = null;
  /** What was iterated and cannot be once more. */
  private readonly past = new WeakSet<object>();
  private items: Item[] = [];
  private base = 0;
  /** Items seen by the longest iteration so far. */
  private reached = 0;
  private done = false;
  /** Where ranges start that were planned and not read yet. */
  private readonly planned = new Set<number>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(title: string, iterate: () => AnyIterable<Item>) {
    this.title = title;
    this.iterate = iterate;
  }

  /** How many items there are from `from` up to `to`, and whether the last of all is among or before them. Keeps them until they are read. */
  plan(from: number, to: number): Promise<{ readonly count: number; readonly end: boolean }> {
    return this.inTurn(async () => {
      const end = await this.advance(from, to);
      if (end > from) this.planned.add(from);
      return { count: Math.max(0, end - from), end: this.done && end >= this.base + this.items.length };
    });
  }

  /** The items from `from` up to `to`; fewer where they end before. */
  read(from: number, to: number): Promise<readonly Item[]> {
    return this.inTurn(async () => {
      const end = await this.advance(from, to);
      const found = this.items.slice(from - this.base, Math.max(0, end - this.base));
      this.planned.delete(from);
      this.trim();
      return found;
    });
  }

  /** One at a time: the iterator is shared by all chunks of a process. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Sees to it that the window has the items from `from` up to `to`; returns where they end. */
  private async advance(from: number, to: number): Promise<number> {
    const iterator = this.iterator === null || from < this.base ? this.begin(from) : this.iterator;
    while (!this.done && this.base + this.items.length < to) {
      const { value, done } = await iterator.next();
      if (done === true) this.finish(from);
      else this.items.push(value as Item);
      if (this.items.length % KEPT_ITEMS === 0) this.trim(from);
    }
    this.reached = Math.max(this.reached, this.base + this.items.length);
    return Math.min(to, this.base + this.items.length);
  }

  private begin(from: number): Iterator<Item> | AsyncIterator<Item> {
    const iterable = this.iterate();
    if (this.past.has(iterable)) throw this.notRepeatable(from);
    const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    if (isUsedUp(iterable, iterator)) this.past.add(iterable);
    this.iterator = iterator;
    this.items = [];
    this.base = 0;
    this.done = false;
    return iterator;
  }

  private finish(from: number): void {
    this.done = true;
    // What gave more before and ends earlier now was used up, as a stream is.
    if (this.base + this.items.length >= this.reached) return;
    this.iterator = null;
    throw this.notRepeatable(from);
  }

  private trim(from = Number.POSITIVE_INFINITY): void {
    const newest = this.base + this.items.length;
    for (const start of this.planned) if (start < newest - WINDOW_ITEMS_MAX) this.planned.delete(start);
    const keep = Math.min(from, newest - KEPT_ITEMS, ...this.planned);
    if (keep - this.base < KEPT_ITEMS / 2) return;
    this.items.splice(0, keep - this.base);
    this.base = keep;
  }

  private notRepeatable(index: number): HoldfastError {
    return new HoldfastError('HF_SOURCE_NOT_REPEATABLE', { source: this.title, index });
  }
}

/** Whether iterating it anew would go on in the middle: so with generators, which are their own iterators, and streams. */
function isUsedUp(iterable: object, iterator: object): boolean {
  return iterable === iterator || 'getReader' in iterable || ('on' in iterable && typeof iterable.on === 'function');
}

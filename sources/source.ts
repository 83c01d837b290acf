import type { Cursor } from '../definitions/ids.ts';
import type { Source } from '../definitions/source.ts';

/** Where a record stands: what messages and the quarantine show. Lines count from 1, bytes and indexes from 0. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly byte?: number;
  readonly index?: number;
}

/** One record of the source: an item, or (with `error`) one that could not be read as an item. */
export interface SourceRecord<out Item> {
  readonly item: Item;
  readonly place: Place;
  /** Size of the record as read, for `itemBytesMax`. */
  readonly bytes: number;
}

export interface MalformedRecord {
  readonly malformed: string;
  /** The record's text, cut at 4 KB. */
  readonly raw: string;
  readonly place: Place;
  readonly bytes: number;
}

export type ReadRecord<Item> = SourceRecord<Item> | MalformedRecord;

/** How a chunk's range is bounded while it is planned; whichever comes first ends it (a range holds at least one record). */
export interface RangeLimits {
  readonly records: number;
  readonly bytes: number;
}

export interface PlannedRange {
  readonly from: Cursor;
  /** End of the range: `read` returns the records in [from, to). */
  readonly to: Cursor;
  /** Where the next range starts. Differs from `to` only behind an unterminated last record, which a later run reads again. */
  readonly next: Cursor;
  /** Records in the range, malformed ones counted, blank lines not. */
  readonly records: number;
  readonly bytes: number;
  /** Of the range's raw bytes, so that a change is noticed; null where the source has none (`items`). */
  readonly checksum: string | null;
  /** Whether the source ended here when it was planned. */
  readonly end: boolean;
}

/** What was seen of a source when it was last planned: JSON, opaque outside its source (files: path, size, mtime, inode). */
export type SourceState = string;

export type SourceChange =
  | { readonly kind: 'same' }
  /** Everything read so far stands, and there may be more behind it. */
  | { readonly kind: 'grown' }
  /** What was read is no longer what is there: read it again from the start and match by key. `reason` says what and which file. */
  | { readonly kind: 'replaced'; readonly reason: string };

export type RangeRead<Item> =
  | { readonly kind: 'records'; readonly records: readonly ReadRecord<Item>[] }
  /** The bytes of the range are not those that were planned. No record is handed out. */
  | { readonly kind: 'changed'; readonly reason: string };

export interface SourceReader<out Item> {
  /** The position before the first record. */
  readonly start: Cursor;
  /** What is there now. */
  state(): Promise<SourceState>;
  /**
   * Compares what is there with `before`. Where a cheap look (size, mtime, inode) does not settle it, checks the checksums
   * of `ranges`, which were read before.
   */
  compare(
    before: SourceState,
    ranges: () => AsyncIterable<Pick<PlannedRange, 'from' | 'to' | 'checksum'>>,
  ): Promise<SourceChange>;
  /** The next range from `from`, or null where there is nothing (more) to read. */
  plan(from: Cursor, limits: RangeLimits): Promise<PlannedRange | null>;
  read(range: Pick<PlannedRange, 'from' | 'to' | 'checksum'>): Promise<RangeRead<Item>>;
  close(): Promise<void>;
}

export interface SourceOpenOptions {
  /** Relative paths are relative to this. */
  readonly directory: string;
  /** Files keep the order they had in it, new ones come behind. */
  readonly previous?: SourceState;
}

/** What every source implements. Opening it checks what can be checked before the first item (existence, permission, header). */
export interface SourcePort<Item> extends Source<Item> {
  /** Which source this is, as JSON text: paths or URL as given and the options that say what a record is. Another identity under an unfinished generation is refused. */
  readonly identity: string;
  /** How the identity reads in a message, such as `csv orders.csv`. */
  readonly title: string;
  open(options: SourceOpenOptions): Promise<SourceReader<Item>>;
}

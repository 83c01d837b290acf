/**
 * Where a job's items come from. Made by `jsonl`, `csv`, `items`; opaque to users.
 * The port that sources implement is `sources/source.ts`.
 */
export interface Source<out Item> {
  readonly kind: string;
  /** Never called: carries the item's type. */
  readonly item?: () => Item;
}

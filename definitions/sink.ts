/**
 * Where results go. Made by `sqlTable`, `sqlTransaction`; opaque to users.
 * The port that sinks implement is `sinks/sink.ts`.
 */
export interface Sink<in Item, in R> {
  readonly kind: string;
  /** Never called: carries the types that the sink accepts. */
  readonly accepts?: (item: Item, result: R) => void;
}

/** One item with what the user's function made of it. */
export interface Outcome<Item, R> {
  readonly item: Item;
  readonly key: string;
  readonly result: R;
}

declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]?: B };

/** A job's id: the Temporal workflow id and, with the generation, the ledger's scope. */
export type JobId = Brand<string, 'JobId'>;
/** A position in a source from which reading can continue: JSON text, opaque outside its source. */
export type Cursor = Brand<string, 'Cursor'>;
/** A worker process, as leases and chunk owners name it. */
export type OwnerId = Brand<string, 'OwnerId'>;

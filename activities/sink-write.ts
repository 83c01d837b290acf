/** How one transaction with a sink's effects went. */
export type SinkWrite =
  | { readonly kind: 'written' }
  /** The sink refused a row; everything was rolled back. */
  | { readonly kind: 'refused'; readonly error: unknown };

export interface NarrowDown<Entry> {
  readonly write: (entries: readonly Entry[]) => Promise<SinkWrite>;
  /** The entry in the form in which it is written without its effect: quarantined with the error. */
  readonly refuse: (entry: Entry, error: unknown) => Entry;
}

/**
 * Writes a batch; where the sink refuses it, writes its halves, down to the item that it is about, which is quarantined.
 * `write` throws what no item is to blame for (a full disk, a missing table).
 */
export async function narrowDown<Entry>(entries: readonly Entry[], how: NarrowDown<Entry>): Promise<void> {
  const result = await how.write(entries);
  if (result.kind === 'written') return;
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) {
    const again = await how.write([how.refuse(only, result.error)]);
    if (again.kind === 'refused') throw again.error;
    return;
  }
  const middle = entries.length >> 1;
  await narrowDown(entries.slice(0, middle), how);
  await narrowDown(entries.slice(middle), how);
}

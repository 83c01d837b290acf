/** A bit a position, kept as bytes in the ledger. */
export class Bits {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array | null, size: number) {
    this.#bytes = new Uint8Array(Math.max((size + 7) >> 3, bytes?.length ?? 0));
    if (bytes) this.#bytes.set(bytes);
  }

  has(position: number): boolean {
    return ((this.#bytes[position >> 3] ?? 0) & (1 << (position & 7))) !== 0;
  }

  set(position: number): void {
    if (position >> 3 >= this.#bytes.length) {
      const grown = new Uint8Array((position >> 3) + 64);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[position >> 3] = (this.#bytes[position >> 3] ?? 0) | (1 << (position & 7));
  }

  count(): number {
    let total = 0;
    for (let byte of this.#bytes) for (; byte; byte &= byte - 1) total++;
    return total;
  }

  copy(): Bits {
    return new Bits(this.#bytes, 0);
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }
}

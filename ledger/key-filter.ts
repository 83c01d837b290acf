/** 512 bits: a cache line. */
const BLOCK_WORDS = 16;
const KEYS_A_BLOCK = 16;
const PROBES_A_WORD = 3;
const FIRST_LAYER_BLOCKS = 2 ** 16; // 4 MB: a million keys at 32 bits each
const LAST_LAYER_BLOCKS = 2 ** 20; // 64 MB; all layers together stay below 128 MB

/**
 * Which keys may have been reserved in a generation: a Bloom filter in layers that double (Almeida et al., Scalable Bloom
 * Filters, 2007), each key's bits within one cache line (Putze et al., Cache-, Hash- and Space-Efficient Bloom Filters,
 * 2007). It never says no to a key it has; a yes is settled by an exact search in the ledger. At 32 bits a key fewer than one
 * in 100,000 is searched for in vain; past 30 million keys the last layer fills up and searches become more frequent, never
 * wrong.
 */
export class KeyFilter {
  readonly #layers: Layer[] = [];
  /** Order number of the newest reservation up to which all are in here. */
  syncedTo = 0;

  /** This process's own reservation is in here already; call it only once the reservation is durable. */
  reserved(reserveNo: number): void {
    if (reserveNo === this.syncedTo + 1) this.syncedTo = reserveNo;
  }

  /** Adds all hashes and returns the positions of those that may have been there before. */
  addAndTest(hashes: Uint8Array): number[] {
    const words = wordsOf(hashes);
    const seen: number[] = [];
    for (let at = 0, position = 0; at < words.length; at += 4, position++) {
      let found = false;
      for (let layer = this.#layers.length - 2; layer >= 0 && !found; layer--) {
        found = hasAll(this.#layers[layer] as Layer, words, at);
      }
      if (found || addAll(this.#layerWithRoom(), words, at)) seen.push(position);
    }
    return seen;
  }

  #layerWithRoom(): Layer {
    const last = this.#layers.at(-1);
    if (last && (last.room-- > 0 || last.blocks >= LAST_LAYER_BLOCKS)) return last;
    const blocks = last ? last.blocks * 2 : FIRST_LAYER_BLOCKS;
    const layer = { bits: new Uint32Array(blocks * BLOCK_WORDS), blocks, room: blocks * KEYS_A_BLOCK - 1 };
    this.#layers.push(layer);
    return layer;
  }
}

interface Layer {
  readonly bits: Uint32Array;
  readonly blocks: number;
  room: number;
}

/** Sixteen bytes of a digest as four words, aligned. */
function wordsOf(hashes: Uint8Array): Uint32Array {
  const aligned = hashes.byteOffset % 4 === 0 ? hashes : hashes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Word 0 names the block; the 9-bit pieces of words 1 to 3 name bits in it. Sets them; whether all were set. */
function addAll({ bits, blocks }: Layer, words: Uint32Array, at: number): boolean {
  const base = ((words[at] as number) & (blocks - 1)) * BLOCK_WORDS;
  let missing = 0;
  for (let word = at + 1; word < at + 4; word++) {
    for (let rest = words[word] as number, probe = 0; probe < PROBES_A_WORD; probe++, rest >>>= 9) {
      const place = base + ((rest & 511) >>> 5);
      const bit = 1 << (rest & 31);
      const before = bits[place] as number;
      missing |= ~before & bit;
      bits[place] = before | bit;
    }
  }
  return missing === 0;
}

function hasAll({ bits, blocks }: Layer, words: Uint32Array, at: number): boolean {
  const base = ((words[at] as number) & (blocks - 1)) * BLOCK_WORDS;
  for (let word = at + 1; word < at + 4; word++) {
    for (let rest = words[word] as number, probe = 0; probe < PROBES_A_WORD; probe++, rest >>>= 9) {
      if (((bits[base + ((rest & 511) >>> 5)] as number) & (1 << (rest & 31))) === 0) return false;
    }
  }
  return true;
}

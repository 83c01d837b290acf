import { KEY_HASH_BYTES } from './key-hash.ts';

const PROBES = 8;
const FIRST_LAYER_BITS = 2 ** 25; // 4 MB: a million keys at 32 bits each
const LAST_LAYER_BITS = 2 ** 29; // 64 MB; all layers together stay below 128 MB
const BITS_A_KEY = 32;

/**
 * Which keys may have been reserved in a generation: a Bloom filter in layers that double (Almeida et al., Scalable Bloom
 * Filters, 2007). It never says no to a key it has; a yes is settled by an exact search in the ledger. At 32 bits a key and
 * 8 probes about one key in 450,000 is searched for in vain; past 30 million keys the last layer fills up and searches become
 * more frequent, never wrong.
 */
export class KeyFilter {
  readonly #layers: { readonly words: Uint32Array; readonly mask: number; room: number }[] = [];
  /** Order number of the newest reservation up to which all are in here. */
  syncedTo = 0;

  /** This process's own reservation is in here already; call it only once the reservation is durable. */
  reserved(reserveNo: number): void {
    if (reserveNo === this.syncedTo + 1) this.syncedTo = reserveNo;
  }

  /** Adds the hash at a position and says whether it may have been there before. */
  addAndTest(hashes: Buffer, position: number): boolean {
    const at = position * KEY_HASH_BYTES;
    const first = hashes.readUInt32LE(at);
    const step = hashes.readUInt32LE(at + 4) | 1;
    const seen = this.#has(first, step);
    if (!seen) this.#add(first, step);
    return seen;
  }

  addAll(hashes: Uint8Array): void {
    const buffer = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    for (let at = 0; at < buffer.length; at += KEY_HASH_BYTES) {
      this.#add(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4) | 1);
    }
  }

  #has(first: number, step: number): boolean {
    for (const { words, mask } of this.#layers) {
      let bit = first;
      let all = true;
      for (let probe = 0; probe < PROBES; probe++) {
        const place = bit & mask;
        if ((((words[place >>> 5] as number) >>> (place & 31)) & 1) === 0) {
          all = false;
          break;
        }
        bit = (bit + step) >>> 0;
      }
      if (all) return true;
    }
    return false;
  }

  #add(first: number, step: number): void {
    let layer = this.#layers.at(-1);
    if (!layer || (layer.room <= 0 && (layer.mask + 1) * 2 <= LAST_LAYER_BITS)) {
      const bits = layer ? (layer.mask + 1) * 2 : FIRST_LAYER_BITS;
      layer = { words: new Uint32Array(bits / 32), mask: bits - 1, room: bits / BITS_A_KEY };
      this.#layers.push(layer);
    }
    layer.room--;
    let bit = first;
    for (let probe = 0; probe < PROBES; probe++) {
      const place = bit & layer.mask;
      layer.words[place >>> 5] = (layer.words[place >>> 5] as number) | (1 << (place & 31));
      bit = (bit + step) >>> 0;
    }
  }
}

import { hash } from 'node:crypto';

export const KEY_HASH_BYTES = 16;

/**
 * The first 16 bytes of SHA-256 of each key, one behind the other. Two keys in a billion collide with a chance below
 * 10^-20, so equal hashes are taken for equal keys.
 */
export function hashKeys(keys: readonly string[]): Buffer {
  const out = Buffer.allocUnsafe(keys.length * KEY_HASH_BYTES);
  for (let i = 0; i < keys.length; i++) {
    // As a latin1 string, because making a Buffer of each digest costs 0.6 µs more than the hash (0.35 µs).
    out.write(hash('sha256', keys[i] as string, 'binary'), i * KEY_HASH_BYTES, KEY_HASH_BYTES, 'latin1');
  }
  return out;
}

/** The hash at a position as a map key. */
export function hashAt(hashes: Uint8Array, position: number): string {
  return Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength).toString(
    'latin1',
    position * KEY_HASH_BYTES,
    (position + 1) * KEY_HASH_BYTES,
  );
}

export function hashCount(hashes: Uint8Array): number {
  return hashes.byteLength / KEY_HASH_BYTES;
}

/** The bytes of a key's hash, as the store compares them. */
export interface KeyBytes {
  /** All 32. */
  readonly whole: Buffer;
  /** The half that is indexed. */
  readonly head: Buffer;
  readonly tail: Buffer;
}

const HEAD_BYTES = 16;
/** Hexadecimal digits of the half that is indexed. */
export const HEAD_DIGITS = 2 * HEAD_BYTES;

export function keyBytes(hash: string): KeyBytes {
  const whole = Buffer.from(hash, 'hex');
  return { whole, head: whole.subarray(0, HEAD_BYTES), tail: whole.subarray(HEAD_BYTES) };
}

/** The hexadecimal digits of bytes as the database gives them. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

// The bytes of a key's hash, as the store compares them.

const HEAD_BYTES = 16;
/** Hexadecimal digits of the half that is indexed. */
export const HEAD_DIGITS = 2 * HEAD_BYTES;

/** The half of a key that is indexed. */
export const headBytes = (hash: string): Buffer => Buffer.from(hash.slice(0, HEAD_DIGITS), 'hex');

/** The other half. */
export const tailBytes = (hash: string): Buffer => Buffer.from(hash.slice(HEAD_DIGITS), 'hex');

/** All of a key. */
export const wholeBytes = (hash: string): Buffer => Buffer.from(hash, 'hex');

/** The hexadecimal digits of bytes as the database gives them. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

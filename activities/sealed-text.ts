import type { Seal } from '../memoization/memoization.ts';

/** A stored value as the user's codecs have it; as it is where there are none. */
export async function sealText(seal: Seal | null, text: string): Promise<string> {
  if (seal === null) return text;
  return Buffer.from(await seal.seal(Buffer.from(text))).toString('base64');
}

export async function unsealText(seal: Seal | null, stored: string): Promise<string> {
  if (seal === null) return stored;
  return Buffer.from(await seal.unseal(Buffer.from(stored, 'base64'))).toString();
}

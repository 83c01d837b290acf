import type { Seal } from '../memoization/memoization.ts';

/** No JSON text begins so. */
const SEALED = 'sealed:';

/** A stored value as the user's codecs have it; as it is where there are none. */
export async function sealText(seal: Seal | null, text: string): Promise<string> {
  if (seal === null) return text;
  return SEALED + Buffer.from(await seal.seal(Buffer.from(text))).toString('base64');
}

/** The text as it was, whether or not it was sealed. Throws where these codecs do not open it. */
export async function unsealText(seal: Seal | null, stored: string): Promise<string> {
  if (!stored.startsWith(SEALED)) return stored;
  if (seal === null) throw new Error('it was written with payload codecs, and this worker has none');
  return Buffer.from(await seal.unseal(Buffer.from(stored.slice(SEALED.length), 'base64'))).toString();
}

import { expect, test } from '@jest/globals';
import { sealText, unsealText } from '../../../activities/sealed-text.ts';
import type { Seal } from '../../../memoization/memoization.ts';

const flip = async (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);
const seal: Seal = { seal: flip, unseal: flip };

test('a sealed text comes back, and cannot be read without its codecs', async () => {
  const sealed = await sealText(seal, '"secret"');
  expect(sealed).not.toContain('secret');
  expect(await unsealText(seal, sealed)).toBe('"secret"');
  await expect(unsealText(null, sealed)).rejects.toThrow('this worker has none');
});

test('a text from before there were codecs comes back as it is', async () => {
  expect(await unsealText(seal, await sealText(null, '12345678'))).toBe('12345678');
});

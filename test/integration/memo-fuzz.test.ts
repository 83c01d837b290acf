import { describe, test } from '@jest/globals';
import { fuzzMemo } from './memo-fuzz.ts';

const given = process.env['MEMO_SEED'];
const SEEDS = given ? [Number(given)] : [...Array.from({ length: 12 }, (_, seed) => seed + 1), Date.now() % 1_000_000];

describe('whatever calls, dies and is invalidated, nothing hangs, is computed at once by two, or is taken that is too old', () => {
  test.each(SEEDS)('seed %i', (seed) => fuzzMemo(seed), 40_000);
});

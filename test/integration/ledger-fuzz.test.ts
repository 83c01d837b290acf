import { describe, test } from '@jest/globals';
import { fuzzLedger } from './ledger-fuzz.ts';

const SEEDS = 25;

describe('whatever becomes of its source and its processes, a job loses no key and lands none twice', () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))('seed %i', (seed) => fuzzLedger(seed), 30_000);
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration } from '../../../definitions/duration.ts';
import { isHoldfastError } from '../../../definitions/errors.ts';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['5s', 5_000],
    ['90 seconds', 90_000],
    ['1 min', 60_000],
    ['1.5 h', 5_400_000],
    ['1 day', 86_400_000],
    ['2 weeks', 1_209_600_000],
    ['0s', 0],
    ['0.0004s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text, 'timeout')).toBe(ms);
  });

  test('a whole number of a unit is exact', () => {
    const units = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, days: 86_400_000 };
    fc.assert(
      fc.property(fc.nat(36_500), fc.constantFrom(...Object.entries(units)), fc.boolean(), (n, [unit, ms], space) => {
        expect(parseDuration(`${n}${space ? ' ' : ''}${unit}`, 'timeout')).toBe(n * ms);
      }),
    );
  });

  test.each([
    ['5 fortnights'],
    ['5'],
    [5],
    [''],
    ['s'],
    ['-1s'],
    ['1e3s'],
    ['5s 5s'],
    ['101 years'],
    ['36501 days'],
    [null],
    ['5  s'],
  ])('%j is refused with the option and the value', (value) => {
    try {
      parseDuration(value, 'timeout of task locate');
      throw new Error('not refused');
    } catch (error) {
      expect(isHoldfastError(error, 'HF_DURATION_INVALID')).toBe(true);
      expect((error as Error).message).toContain('timeout of task locate');
      expect((error as Error).message).toContain(typeof value === 'string' ? `'${value}'` : String(value));
    }
  });
});

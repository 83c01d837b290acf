import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isHoldfastError } from '../../../definitions/errors.ts';
import {
  isFinal,
  isRetryAfter,
  nextDelayMs,
  normalizeRetry,
  type Retry,
  RetryAfter,
  retryAfterMs,
} from '../../../definitions/retry.ts';

const policyOf = (retry?: Retry) => normalizeRetry(retry, 'task t');
const random01 = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('delays between tries', () => {
  test('a list is gone through in order, and its last delay repeats', () => {
    const policy = policyOf({ attempts: 9, delays: ['5s', '10s', '20s'], jitter: 0 });
    expect([1, 2, 3, 4, 8].map((attempt) => nextDelayMs(policy, attempt, 0.5))).toEqual([5e3, 10e3, 20e3, 20e3, 20e3]);
  });

  test('a backoff grows by its factor up to its maximum', () => {
    const policy = policyOf({ attempts: 99, backoff: { first: '100ms', factor: 3, max: '2s' }, jitter: 0 });
    expect([1, 2, 3, 4, 60].map((attempt) => nextDelayMs(policy, attempt, 0.5))).toEqual([100, 300, 900, 2000, 2000]);
  });

  test('without options there are 5 attempts, waiting 1 s, then twice as long each time, up to 60 s', () => {
    const policy = policyOf();
    expect(policy.attempts).toBe(5);
    expect([1, 2, 3, 4, 7, 2000].map((attempt) => nextDelayMs(policy, attempt, 0.5))).toEqual([
      1e3, 2e3, 4e3, 8e3, 60e3, 60e3,
    ]);
  });

  test('a list of delays without attempts gives each of them once', () => {
    expect(policyOf({ delays: ['1s', '2s'] }).attempts).toBe(3);
  });

  test('a first delay longer than the default maximum is not cut', () => {
    expect(nextDelayMs(policyOf({ backoff: { first: '2h' }, jitter: 0 }), 1, 0.5)).toBe(7_200_000);
  });

  test('jitter j keeps every delay within 1 − j … 1 + j of itself', () => {
    fc.assert(
      fc.property(
        random01,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 5000 }),
        (r, jitter, attempt) => {
          const backoff = { first: '1s', factor: 2, max: '1 h' } as const;
          const plain = nextDelayMs(policyOf({ attempts: 9, backoff, jitter: 0 }), attempt, r);
          const delay = nextDelayMs(policyOf({ attempts: 9, backoff, jitter }), attempt, r);
          expect(delay).toBeGreaterThanOrEqual(Math.floor(plain * (1 - jitter)));
          expect(delay).toBeLessThanOrEqual(Math.ceil(plain * (1 + jitter)));
        },
      ),
    );
  });

  test('jitter spreads evenly: equal steps of the random number are equal steps of the delay', () => {
    const policy = policyOf({ delays: ['10s'], jitter: 0.5 });
    expect([0, 0.25, 0.5, 0.75, 1].map((r) => nextDelayMs(policy, 1, r))).toEqual([5000, 7500, 10_000, 12_500, 15_000]);
  });

  test('without jitter a backoff never shrinks', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.double({ min: 1, max: 10, noNaN: true }),
        fc.integer({ min: 1, max: 3000 }),
        (first, factor, n) => {
          const policy = policyOf({ backoff: { first: `${first}ms`, factor, max: '30 days' }, jitter: 0 });
          expect(nextDelayMs(policy, n + 1, 0)).toBeGreaterThanOrEqual(nextDelayMs(policy, n, 0));
        },
      ),
    );
  });
});

describe('the end of trying', () => {
  test('the last attempt is final, an earlier one is when `when` says so', () => {
    const policy = policyOf({ attempts: 3, when: (error, { attempt }) => error !== 'fatal' && attempt < 3 });
    expect([1, 2, 3].map((attempt) => isFinal(policy, 'again', attempt))).toEqual([false, false, true]);
    expect(isFinal(policy, 'fatal', 1)).toBe(true);
  });

  test('a `when` that gives a promise by mistake tries again, and a rejection of it does not end the process', async () => {
    const policy = policyOf({ when: (async () => Promise.reject(new Error('bug in when'))) as never });
    expect(isFinal(policy, new Error('failed'), 1)).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('a `when` that throws ends the tries instead of the job', () => {
    const policy = policyOf({
      when: () => {
        throw new Error('bug in when');
      },
    });
    expect(isFinal(policy, 'x', 1)).toBe(true);
  });
});

describe('wrong retry options are refused by name', () => {
  test.each<[object, string]>([
    [{ attempts: 0 }, 'retry.attempts'],
    [{ attempts: 1.5 }, 'retry.attempts'],
    [{ jitter: 2 }, 'retry.jitter'],
    [{ when: true }, 'retry.when'],
    [{ delays: [] }, 'retry.delays'],
    [{ delays: ['1s'], backoff: { first: '1s' } }, 'retry.backoff'],
    [{ delays: ['1s', 'soon'] }, 'retry.delays[1] of task t'],
    [{ backoff: {} }, 'retry.backoff.first of task t'],
    [{ backoff: { first: '1s', factor: 0.5 } }, 'retry.backoff.factor'],
    [{ backoff: { first: '1 min', max: '1s' } }, 'retry.backoff.max'],
    [{ backoff: { first: '1s', maximum: '2s' } }, 'retry.backoff.maximum'],
    [{ attemps: 3 }, 'retry.attemps'],
  ])('%j: %s', (retry, option) => {
    try {
      policyOf(retry);
      throw new Error('not refused');
    } catch (error) {
      expect(isHoldfastError(error) && error.fields['option']).toBe(option);
    }
  });
});

describe('RetryAfter', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);

  test.each<[string | number, number]>([
    ['30s', 30_000],
    ['120', 120_000],
    [2, 2_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 12:01:00 GMT', 60_000],
    ['Thursday, 01-Jan-26 12:01:00 GMT', 60_000],
    ['Thu Jan  1 12:01:00 2026', 60_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ])('%j is %d ms from then on', (delay, ms) => {
    expect(retryAfterMs(new RetryAfter(delay), now)).toBe(ms);
  });

  test.each([['soon'], ['-5'], ['2026-01-01'], ['']])('%j is refused', (delay) => {
    expect(() => new RetryAfter(delay)).toThrow(/delay of RetryAfter/);
  });

  test('is recognised without instanceof', () => {
    expect(isRetryAfter(new RetryAfter('1s'))).toBe(true);
    expect([new Error('x'), null, 'RetryAfter'].map(isRetryAfter)).toEqual([false, false, false]);
  });
});

import { describe, expect, test } from '@jest/globals';
import { RateLimit } from '../../../activities/rate-limit.ts';

const NEVER = new AbortController().signal;

describe('a rate limit', () => {
  test('lets so many calls begin a second', () => {
    const rate = new RateLimit();
    rate.setRate(10);
    expect([0, 0, 0, 0].map((now) => rate.take(1, now + 1_000))).toEqual([0, 0, 100, 200]);
  });

  test('lets those who wait move up when room is given back, each by that much', async () => {
    const rate = new RateLimit();
    rate.setRate(1 / 3_600);
    const now = Date.now();
    const [, first = 0, second = 0] = [rate.take(1, now), rate.take(1, now), rate.take(1, now)];
    const ended: string[] = [];
    const ending = new AbortController();
    const waiting = [
      rate.wait(first, NEVER).then(() => ended.push('first')),
      rate.wait(second, ending.signal).then(() => ended.push('second')),
    ];
    rate.giveBack(1);
    await waiting[0];
    expect(ended).toEqual(['first']);
    ending.abort();
    await waiting[1];
    expect(ended).toEqual(['first', 'second']);
  });
});

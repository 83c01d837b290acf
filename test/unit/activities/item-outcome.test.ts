import { expect, test } from '@jest/globals';
import { describeError } from '../../../activities/item-outcome.ts';
import { textOfThrown } from '../../../activities/thrown.ts';

const throwing = Object.defineProperty(new Error(), 'message', {
  get: () => {
    throw new Error('no message');
  },
});
const circular = new Error('circular');
circular.cause = circular;

test.each([
  ['undefined', undefined],
  ['a symbol', Symbol('s')],
  ['an object without a prototype', Object.create(null)],
  ['an error whose message throws', throwing],
  ['an error within itself', circular],
  ['an error of megabytes', new Error('x'.repeat(3_000_000))],
])('%s is described in bounded words', (_, thrown) => {
  expect(typeof JSON.parse(describeError(thrown)).message).toBe('string');
  expect(describeError(thrown).length).toBeLessThan(10_000);
  expect(textOfThrown(thrown).length).toBeLessThan(10_000);
});

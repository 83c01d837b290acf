import { describe, expect, test } from '@jest/globals';
import { ERRORS, type ErrorCode, HoldfastError, isHoldfastError } from '../../../definitions/errors.ts';

describe('errors', () => {
  test('a message has its fields filled in, and long values cut', () => {
    const error = new HoldfastError('HF_ROW_UNDEFINED', { key: 'o-1', column: 'lat' }, { cause: 'the reason' });
    expect(error.message).toBe('The row for item o-1 has undefined in column lat: give a value, or null.');
    expect(error).toMatchObject({ code: 'HF_ROW_UNDEFINED', retryable: false, exitCode: 1, cause: 'the reason' });
    expect(new HoldfastError('HF_PARAM_INVALID', { param: 'p', value: 'x', problem: ['a', 'b'] }).message).toBe(
      'Param p is x; a, b.',
    );
  });

  test('are matched by code, also when another copy of the package made them', () => {
    const error = new HoldfastError('HF_TX_CLOSED', {});
    const copy = Object.assign(new Error('x'), { code: 'HF_TX_CLOSED', [Symbol.for('holdfast.error')]: true });
    expect([error, copy].map((e) => isHoldfastError(e, 'HF_TX_CLOSED'))).toEqual([true, true]);
    expect(isHoldfastError(error, 'HF_TX_REFUSED')).toBe(false);
    expect(
      [new Error('HF_TX_CLOSED'), null, 'HF_TX_CLOSED', { code: 'HF_TX_CLOSED' }].some((e) => isHoldfastError(e)),
    ).toBe(false);
  });

  test.each(Object.keys(ERRORS) as ErrorCode[])('%s is one sentence or more, with a code in capitals', (code) => {
    expect(code).toMatch(/^HF(_[A-Z0-9]+)+$/);
    expect(ERRORS[code].message).toMatch(/[.}]$/);
  });
});

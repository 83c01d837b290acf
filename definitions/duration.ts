import { HoldfastError, showValue } from './errors.ts';

type Unit =
  | 'ms'
  | 's'
  | 'second'
  | 'seconds'
  | 'min'
  | 'minute'
  | 'minutes'
  | 'h'
  | 'hour'
  | 'hours'
  | 'd'
  | 'day'
  | 'days'
  | 'week'
  | 'weeks';

/**
 * A span of time: a number and a unit, such as `'250ms'`, `'5s'`, `'1.5 h'` or `'1 day'`. A bare number is refused,
 * because nobody sees whether it meant seconds or milliseconds.
 */
export type Duration = `${number}${Unit}` | `${number} ${Unit}`;

const unitMs: Readonly<Record<Unit, number>> = {
  ms: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  week: 604_800_000,
  weeks: 604_800_000,
};

/** The longest span taken: 100 years. Behind it sums of milliseconds and dates are no longer safe. */
const longestMs = 100 * 365 * unitMs.day;

/** The milliseconds of a duration; errors name `option`. @throws HF_DURATION_INVALID */
export function parseDuration(value: unknown, option: string): number {
  const ms = durationMs(value);
  if (ms === null) throw new HoldfastError('HF_DURATION_INVALID', { option, value: showValue(value) });
  return ms;
}

/** The milliseconds of a duration's text, rounded to whole ones, or null where it is none. */
export function durationMs(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const match = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(value.trim());
  const unit = match?.[2];
  if (match === null || unit === undefined || !Object.hasOwn(unitMs, unit)) return null;
  const exact = Number(match[1]) * unitMs[unit as Unit];
  return exact > longestMs ? null : Math.round(exact);
}

/** A duration that may be left out, in milliseconds. @throws HF_DURATION_INVALID */
export function durationOr(given: Duration | undefined, option: string, otherwiseMs: number): number {
  return given === undefined ? otherwiseMs : parseDuration(given, option);
}

import { type Duration, parseDuration } from './duration.ts';
import { HoldfastError, showValue } from './errors.ts';
import { settleUnseen } from './settle-unseen.ts';
import type { Storable } from './values.ts';

/** How results of a task are stored and taken again. */
export interface Memoize<I, R = unknown> {
  /**
   * How long a result is taken again, until when, or a function of the result that says either: for answers that name
   * their own end. @default for ever
   */
  readonly expires?: Duration | Date | ((result: R, input: I) => Duration | Date);
  /** The parts of the input that decide; what cannot be canonical JSON is refused. @default the whole input */
  readonly key?: (input: I) => unknown;
  /** Take no result that is older than the run (of the job or activity) that asks: compute anew, and store. @default false */
  readonly refresh?: boolean;
  /**
   * A folder for all results of the task, relative to the working directory. Without it small results are in the store and
   * large ones in the results folder. @default none
   */
  readonly storage?: string;
  /**
   * What happens while the store cannot be used: `fail` fails the attempt, which is tried again; `run` computes without it.
   * @default 'fail'
   */
  readonly onStoreError?: 'fail' | 'run';
}

/** {@link Memoize}, where values of `R` come back from the store as they went in; else the reason why not. */
export type MemoizeOf<I, R> = [Returned<R>] extends [Storable<Returned<R>>] ? Memoize<I, R> : ResultNotStorable;

/** What a function that returns nothing returns is `undefined`. */
// biome-ignore lint/suspicious/noConfusingVoidType: void is what its type says.
type Returned<R> = [R] extends [void] ? undefined : R;

/** A memoized task returns JSON values, dates, bigints, bytes (`Uint8Array`) and `undefined`, and nothing else. */
export interface ResultNotStorable {
  readonly memoize: 'the result of this task cannot be stored';
}

export type Expiration =
  | { readonly kind: 'never' }
  | { readonly kind: 'after'; readonly ms: number }
  | { readonly kind: 'at'; readonly at: number }
  | { readonly kind: 'function'; readonly of: (result: unknown, input: unknown) => Duration | Date };

/** {@link Memoize} with everything decided. */
export interface MemoizeSpec {
  readonly expires: Expiration;
  readonly key: ((input: unknown) => unknown) | null;
  readonly refresh: boolean;
  readonly storage: string | null;
  readonly onStoreError: 'fail' | 'run';
}

const OPTIONS: ReadonlySet<string> = new Set<keyof Memoize<unknown>>([
  'expires',
  'key',
  'refresh',
  'storage',
  'onStoreError',
]);

/** Checks memoization options; null where it is off. @throws HF_DEFINITION_INVALID, HF_DURATION_INVALID */
export function normalizeMemoize(memoize: false | Memoize<unknown> | undefined, what: string): MemoizeSpec | null {
  if (memoize === undefined || memoize === false) return null;
  const invalid = (option: string, value: unknown, problem: string): HoldfastError =>
    new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });
  if (typeof memoize !== 'object' || memoize === null) {
    throw invalid('memoize', memoize, "give an object, such as { expires: '1 day' }, or false");
  }
  for (const name of Object.keys(memoize)) {
    if (!OPTIONS.has(name)) {
      const problem = `memoize has no such option, only ${[...OPTIONS].join(', ')}`;
      throw invalid(`memoize.${name}`, (memoize as Record<string, unknown>)[name], problem);
    }
  }
  const { key, refresh = false, storage, onStoreError = 'fail' } = memoize;
  if (key !== undefined && typeof key !== 'function') {
    throw invalid('memoize.key', key, 'give a function of the input');
  }
  if (typeof refresh !== 'boolean') throw invalid('memoize.refresh', refresh, 'give true or false');
  if (storage !== undefined && (typeof storage !== 'string' || storage === '')) {
    throw invalid('memoize.storage', storage, 'give the path of a folder');
  }
  if (onStoreError !== 'fail' && onStoreError !== 'run') {
    throw invalid('memoize.onStoreError', onStoreError, "give 'fail' or 'run'");
  }
  return Object.freeze({
    expires: normalizeExpires(memoize.expires, what),
    key: key ?? null,
    refresh,
    storage: storage ?? null,
    onStoreError,
  });
}

function normalizeExpires(expires: Memoize<unknown>['expires'], what: string): Expiration {
  if (expires === undefined) return { kind: 'never' };
  if (typeof expires === 'function') return { kind: 'function', of: expires };
  return endOf(expires, `memoize.expires of ${what}`);
}

function endOf(expires: Duration | Date, option: string): Extract<Expiration, { kind: 'after' | 'at' }> {
  if (!isDate(expires)) return { kind: 'after', ms: parseDuration(expires, option) };
  const at = expires.getTime();
  if (Number.isNaN(at)) throw new HoldfastError('HF_DURATION_INVALID', { option, value: 'an invalid date' });
  return { kind: 'at', at };
}

/** By tag: a date of another realm (a test runner's) is as good. */
const isDate = (value: unknown): value is Date => Object.prototype.toString.call(value) === '[object Date]';

/**
 * When a result that was just computed stops being taken, in milliseconds since 1970; null for never.
 *
 * @throws HF_DURATION_INVALID when the task's own function gives neither a duration nor a date
 */
export function expiresAt(
  expires: Expiration,
  made: { readonly result: unknown; readonly input: unknown; readonly at: number; readonly task: string },
): number | null {
  switch (expires.kind) {
    case 'never':
      return null;
    case 'after':
      return made.at + expires.ms;
    case 'at':
      return expires.at;
    case 'function': {
      const given = expires.of(made.result, made.input);
      settleUnseen(given);
      const end = endOf(given, `memoize.expires of task ${made.task}`);
      return end.kind === 'at' ? end.at : made.at + end.ms;
    }
  }
}

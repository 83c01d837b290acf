import { HoldfastError, showValue } from './errors.ts';

const checks = {
  string: [(v) => typeof v === 'string' && v !== '', 'give a non-empty string'],
  boolean: [(v) => typeof v === 'boolean', 'give true or false'],
  number: [(v) => typeof v === 'number' && Number.isFinite(v), 'give a finite number'],
  'positive-number': [(v) => typeof v === 'number' && Number.isFinite(v) && v > 0, 'give a number above 0'],
  'positive-integer': [(v) => Number.isSafeInteger(v) && (v as number) >= 1, 'give a whole number of at least 1'],
  share: [(v) => typeof v === 'number' && v >= 0 && v <= 1, 'give a number from 0 to 1'],
  function: [(v) => typeof v === 'function', 'give a function'],
  array: [(v) => Array.isArray(v), 'give an array'],
  object: [(v) => typeof v === 'object' && v !== null && !Array.isArray(v), 'give an object'],
  // Checked where it is parsed, with an error of its own.
  duration: [() => true, ''],
  any: [() => true, ''],
} as const satisfies Record<string, readonly [(value: unknown) => boolean, string]>;

/** The check of each option that an options object may have. */
export type OptionsOf<Options> = { readonly [Name in keyof Required<Options>]: keyof typeof checks };

interface OptionsOwner {
  /** What is being defined, as messages name it: `job enrich-orders`. */
  readonly what: string;
  /** Before an option's name in messages: `retry.`. */
  readonly prefix?: string;
}

/**
 * Refuses options that there are not, with the nearest that there is, and values of the wrong type.
 *
 * @throws HF_DEFINITION_INVALID
 */
export function checkOptions(
  owner: OptionsOwner,
  given: object,
  known: Readonly<Record<string, keyof typeof checks>>,
): void {
  const { what, prefix = '' } = owner;
  const refuse = (name: string, value: unknown, problem: string): never => {
    throw new HoldfastError('HF_DEFINITION_INVALID', {
      what,
      option: `${prefix}${name}`,
      value: showValue(value),
      problem,
    });
  };
  if (!checks.object[0](given)) refuse('', given, checks.object[1]);
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (value === undefined && check !== undefined) continue;
    const [passes, problem] =
      check === undefined ? [() => false, unknownName(name, Object.keys(known))] : checks[check];
    if (!passes(value)) refuse(name, value, problem);
  }
}

function unknownName(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === null
    ? `there is no such option, there are ${known.join(', ')}`
    : `there is no such option (did you mean ${near}?)`;
}

/** The known name that a mistyped one is most likely meant to be, or null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

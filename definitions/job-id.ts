import { HoldfastError, showValue } from './errors.ts';
import type { JobId } from './ids.ts';
import type { JobSpec } from './job.ts';
import { encodeValue } from './values.ts';

/** The longest job id. Temporal takes 1,000 bytes for a workflow id; what is derived from it needs room. */
const idCharsMax = 200;

/**
 * The id of a job with these (typed) params: what the job's `id` makes of them, else its name and a short hash of
 * its params, else, without params, its name.
 *
 * @throws HF_OPTION_INVALID when `id` returns no usable one
 */
export function jobIdOf(spec: Pick<JobSpec, 'name' | 'id'>, params: Readonly<Record<string, unknown>>): JobId {
  if (spec.id !== null) return checkJobId(spec.id(params));
  return Object.keys(params).length === 0 ? spec.name : `${spec.name}-${shortHash(canonicalText(params))}`;
}

/** An id that was given, when it is usable: one line, not empty, up to 200 characters. @throws HF_OPTION_INVALID */
export function checkJobId(id: unknown): JobId {
  const usable = typeof id === 'string' && id !== '' && id.length <= idCharsMax && id.trim() === id && isPrintable(id);
  if (usable) return id;
  const problem = `give one line of 1 to ${idCharsMax} characters without spaces around it`;
  throw new HoldfastError('HF_OPTION_INVALID', { option: 'id', value: showValue(id), problem });
}

const isPrintable = (text: string): boolean => [...text].every((char) => char >= ' ' && char !== '\u007f');

/** The same text for params that are equal, in whatever order they were given. */
export function canonicalText(params: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(sortKeys(JSON.parse(encodeValue(params))));
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

/**
 * 12 hexadecimal digits: FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv), folded to 48. It tells the
 * runs of one job apart and guards nothing: a collision shows as HF_PARAMS_DIFFER, for the params themselves are
 * stored.
 */
export function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return BigInt.asUintN(48, hash ^ (hash >> 48n))
    .toString(16)
    .padStart(12, '0');
}

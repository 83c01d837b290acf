import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { HoldfastError } from '../definitions/errors.ts';
import { settleUnseen } from '../definitions/settle-unseen.ts';
import { keyValue } from './key-value.ts';
import type { MemoKey, MemoTask } from './memoization.ts';
import { describeParts } from './parts.ts';

/**
 * The key of an input: SHA-256 of the canonical JSON (RFC 8785) of task name, version and value.
 *
 * @param hideParts whether parts are stored as hashes only, because results are sealed
 * @throws HF_MEMO_KEY
 */
export function keyOf(task: MemoTask, input: unknown, hideParts: boolean): MemoKey {
  const chosen = task.memoize.key === null ? input : task.memoize.key(input);
  if (task.memoize.key !== null) settleUnseen(chosen);
  const value = canonicalize(keyValue(task.name, chosen));
  if (value === undefined) {
    throw new HoldfastError('HF_MEMO_KEY', { task: task.name, path: '$', value: 'nothing that JSON has a form for' });
  }
  return new ValueKey(task, value, hideParts);
}

/** Keeps the value's text and not the value, which the task's function may change. */
class ValueKey implements MemoKey {
  readonly hash: string;
  readonly value: string;
  readonly #hideParts: boolean;

  constructor(task: Pick<MemoTask, 'name' | 'version'>, value: string, hideParts: boolean) {
    this.hash = hashOf(task, value);
    this.value = value;
    this.#hideParts = hideParts;
  }

  readonly parts = (): string => JSON.stringify(describeParts(this.value, this.#hideParts));
}

/** The canonical JSON of a key's value; null where the key was not made here. */
export function valueTextOf(key: MemoKey): string | null {
  const value = (key as { readonly value?: unknown }).value;
  return typeof value === 'string' ? value : null;
}

/** The hash of the key that a value has under another version. */
export function hashOf(task: Pick<MemoTask, 'name' | 'version'>, value: string): string {
  // What canonical JSON makes of the array of the three, without canonicalizing the value again; of strings, as JSON does.
  return hash('sha256', `[${JSON.stringify(task.name)},${JSON.stringify(task.version)},${value}]`, 'hex');
}

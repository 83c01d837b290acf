import { isHoldfastError } from '../definitions/errors.ts';

/**
 * Whether an error is the store's (its database, its files), and neither the input's nor the result's: what `onStoreError`
 * speaks of.
 */
export function isStoreFault(error: unknown): boolean {
  if (isHoldfastError(error)) return error.code.startsWith('HF_DATABASE_') || error.code === 'HF_SCHEMA_NEWER';
  if (typeof error !== 'object' || error === null) return false;
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown };
  return code === 'ERR_SQLITE_ERROR' || (typeof syscall === 'string' && typeof code === 'string');
}

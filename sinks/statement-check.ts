import { HoldfastError } from '../definitions/errors.ts';

/** What would end the transaction, change what it means, or run outside it. */
const REFUSED = new Set(
  'ABORT ATTACH BEGIN COMMIT DETACH END PRAGMA RELEASE ROLLBACK SAVEPOINT SET START VACUUM'.split(' '),
);

/** What SQL consists of, as far as it matters here: comments, quoted text and names, parameters, words. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|\?\d+|[?;]|[:@$][A-Za-z_]\w*|\w+/g;

const counts = new Map<string, number>();
const COUNTS_MAX = 500;

/**
 * The number of parameters of a statement that may run inside the transaction.
 *
 * Throws HF_TX_REFUSED for one that would end the transaction, HF_TX_STATEMENT for several in one text (drivers run the
 * first and say nothing), none, or named parameters.
 */
export function checkStatement(sql: string): number {
  const known = counts.get(sql);
  if (known !== undefined) return known;
  const count = check(sql);
  // A text for each outcome, with its values in it, would otherwise stay for ever.
  if (counts.size >= COUNTS_MAX) counts.clear();
  counts.set(sql, count);
  return count;
}

function check(sql: string): number {
  const shown = showStatement(sql);
  const refuse = (problem: string): never => {
    throw new HoldfastError('HF_TX_STATEMENT', { statement: shown, problem });
  };
  if (typeof sql !== 'string') return refuse('give SQL as a string');
  const tokens = (sql.match(TOKENS) ?? []).filter((token) => !token.startsWith('--') && !token.startsWith('/*'));
  const start = tokens.findIndex((token) => token !== ';');
  if (start < 0) return refuse('there is no statement in it');
  if (REFUSED.has(String(tokens[start]).toUpperCase())) throw new HoldfastError('HF_TX_REFUSED', { statement: shown });
  const end = tokens.indexOf(';', start);
  // A trigger has statements inside.
  const isTrigger = /^\s*create\s+(temp\s+|temporary\s+)?trigger\b/i.test(sql);
  if (end >= 0 && !isTrigger && tokens.slice(end).some((token) => token !== ';'))
    refuse('it has several statements, run them one by one');
  const isWrite = tokens.some((token) => /^(insert|update|delete|replace|create|alter|drop)$/i.test(token));
  if (isWrite && tokens.some((token) => /^["`[]?hf_/i.test(token)))
    refuse('names that begin with hf_ are reserved for Holdfast');
  if (tokens.some((token) => /^(\?\d|[:@$])/.test(token)))
    refuse('write ? for each parameter, and give their values as an array');
  return tokens.filter((token) => token === '?').length;
}

/** A statement as messages show it. */
export function showStatement(sql: unknown): string {
  const text = String(sql).trim().replace(/\s+/g, ' ');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

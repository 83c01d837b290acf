import { DEFAULTS } from '../definitions/limits.ts';

const NAME_CHARS_MAX = 200;
const STACK_CHARS_MAX = 10_000;

/** What was thrown, in words: an error's message, another value itself. Bounded, and never throws, whatever a getter does. */
export function textOfThrown(thrown: unknown): string {
  return cut(safely(() => plainText(thrown)) ?? 'a value that cannot be shown', DEFAULTS.errorMessageCharsMax);
}

/** An error's name; `Error` for what is none. */
export function nameOfThrown(thrown: unknown): string {
  const name = safely(() => (thrown instanceof Error ? String(thrown.name) : 'Error'));
  return cut(name || 'Error', NAME_CHARS_MAX);
}

/** Where an error was made; null for what is none. */
export function stackOfThrown(thrown: unknown): string | null {
  const stack = safely(() => (thrown instanceof Error && thrown.stack ? String(thrown.stack) : null));
  return stack === null ? null : cut(stack, STACK_CHARS_MAX);
}

function plainText(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  if ('message' in thrown) return String(thrown.message);
  return JSON.stringify(thrown) ?? String(thrown);
}

function safely<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
}

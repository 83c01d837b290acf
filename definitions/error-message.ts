/** What a code stands for. `{name}` in a message is a field, given when the error is made. */
export interface ErrorEntry<Message extends string = string> {
  readonly message: Message;
  /** Whether the same attempt may succeed later with nothing changed (locked, unreachable, suspended). */
  readonly retryable: boolean;
  /** What a command that ends with it exits with: 2 is wrong use, 1 a failure. */
  readonly exitCode: 1 | 2;
}

/** The user can mend it: a definition, an option, an input, a file. */
export const wrongUse = <const M extends string>(message: M): ErrorEntry<M> => ({
  message,
  retryable: false,
  exitCode: 2,
});
/** It failed, and trying again as it is does not help. */
export const failure = <const M extends string>(message: M): ErrorEntry<M> => ({
  message,
  retryable: false,
  exitCode: 1,
});
/** It failed, and may go well by itself later. */
export const passing = <const M extends string>(message: M): ErrorEntry<M> => ({
  message,
  retryable: true,
  exitCode: 1,
});

/** A message with its fields filled in. */
export function formatMessage(template: string, fields: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => showField(fields[name]));
}

function showField(value: unknown): string {
  if (Array.isArray(value)) return value.map(showField).join(', ');
  return typeof value === 'string' ? value : showValue(value);
}

/** How a value reads in a message: strings quoted, anything long cut at 80 characters. Never throws. */
export function showValue(value: unknown): string {
  const text = describe(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    if (value instanceof Error) return String(value);
    return JSON.stringify(value) ?? Object.prototype.toString.call(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

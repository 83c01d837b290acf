import { formatError } from './format-error.ts';

/**
 * Where a command writes. Text goes to stdout, what is not its answer (progress, log, notes) to stderr. With `--json` stdout holds
 * one JSON document and nothing else, whatever a user's file prints.
 */
export class Output {
  readonly json: boolean;
  readonly #write: typeof process.stdout.write;
  /** Writes a line beside a live progress display, if there is one. */
  beside: (text: string) => void = (text) => void process.stderr.write(text);

  constructor({ json }: { readonly json: boolean }) {
    this.json = json;
    this.#write = process.stdout.write.bind(process.stdout) as typeof process.stdout.write;
    if (json) process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  }

  /** A part of the answer for people; nothing where the answer is JSON. */
  line(text = ''): void {
    if (!this.json) this.#write(`${text}\n`);
  }

  /** As `line`, and worth saying beside JSON, too. */
  tell(text: string): void {
    if (this.json) this.note(text);
    else this.line(text);
  }

  /** Beside the answer. */
  note(text: string): void {
    this.beside(`${text}\n`);
  }

  /** The answer of `--json`. */
  document(value: unknown): void {
    if (this.json) this.#write(`${JSON.stringify(value)}\n`);
  }

  /** The answer of `--json` as an array that need not fit in memory. */
  async array<T>(values: AsyncIterable<T>, text: (value: T) => string): Promise<void> {
    let before = '[';
    for await (const value of values) {
      await this.text(`${before}${text(value)}`);
      before = ',\n';
    }
    await this.text(before === '[' ? '[]\n' : ']\n');
  }

  /** A part of an answer that is not for people; resolves when more may be written. */
  async text(text: string): Promise<void> {
    if (this.#write(text)) return;
    await new Promise((resolve) => process.stdout.once('drain', resolve));
  }

  error(error: unknown): void {
    const { text, code, message } = formatError(error);
    this.note(text);
    this.document({ error: { code, message } });
  }

  /** Resolves when everything written has left. */
  async flush(): Promise<void> {
    await new Promise<void>((resolve) => void this.#write('', () => resolve()));
  }
}

const ESC = '\u001b';
/** What a program sends to a terminal besides text: CSI sequences, titles, and the few single controls that matter here. */
const sequence = new RegExp(`${ESC}\\[([?\\d;]*)([A-Za-z])|${ESC}\\][^\\u0007]*\\u0007|${ESC}[=>78]`, 'y');

/** A terminal's screen, as far as shells and progress bars use one. It grows downwards and never scrolls. */
export class TerminalScreen {
  readonly columns: number;
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = '';

  constructor(columns: number) {
    this.columns = columns;
  }

  get lines(): readonly string[] {
    return this.#lines.map((line) =>
      Array.from(line, (character) => character ?? ' ')
        .join('')
        .trimEnd(),
    );
  }

  write(text: string): void {
    const all = this.#rest + text;
    this.#rest = '';
    for (let at = 0; at < all.length; ) {
      if (all[at] !== ESC) {
        this.#put(all[at] as string);
        at++;
        continue;
      }
      sequence.lastIndex = at;
      const match = sequence.exec(all);
      if (match === null) {
        // A sequence that came in two pieces.
        this.#rest = all.slice(at);
        return;
      }
      if (match[2] !== undefined) this.#control(match[2], match[1] ?? '');
      at = sequence.lastIndex;
    }
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#move(this.#row + 1, this.#column);
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (character >= ' ') {
      if (this.#column >= this.columns) this.#move(this.#row + 1, 0);
      (this.#lines[this.#row] as string[])[this.#column++] = character;
    }
  }

  #control(final: string, parameters: string): void {
    const [first = 0] = parameters.split(';').map(Number);
    const count = Math.max(1, first);
    if (final === 'A') this.#move(this.#row - count, this.#column);
    else if (final === 'B') this.#move(this.#row + count, this.#column);
    else if (final === 'C') this.#column += count;
    else if (final === 'D') this.#column = Math.max(0, this.#column - count);
    else if (final === 'G') this.#column = count - 1;
    else if (final === 'K') this.#clearLine(first);
    else if (final === 'J' && first === 0) {
      this.#clearLine(0);
      this.#lines.length = this.#row + 1;
    }
  }

  #clearLine(part: number): void {
    const line = this.#lines[this.#row] as string[];
    if (part === 0) line.length = Math.min(line.length, this.#column);
    else line.fill(' ', 0, part === 1 ? this.#column + 1 : line.length);
  }

  #move(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = column;
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }
}

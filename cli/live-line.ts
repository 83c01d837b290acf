import { MultiBar, type SingleBar } from 'cli-progress';
import type { Output } from './output.ts';

/** How often a line comes where there is no terminal. */
const LINE_MS = 5_000;

export interface LiveView {
  readonly text: string;
  /** What the bar shows of `total`. */
  readonly done: number;
  readonly total: number;
}

/** What goes on, live: a bar on a terminal, a plain line every few seconds elsewhere. On stderr, for it is never the answer. */
export class LiveLine {
  readonly #output: Output;
  readonly #bars: MultiBar | null;
  #bar: SingleBar | null = null;
  #lineAt = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#bars = process.stderr.isTTY
      ? new MultiBar({
          stream: process.stderr,
          clearOnComplete: true,
          hideCursor: true,
          stopOnComplete: false,
          gracefulExit: false,
          fps: 5,
          barsize: 24,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          format: '{bar} {text}',
          // The text is cut to the terminal here, where its parts are known.
          linewrap: true,
        })
      : null;
    if (this.#bars) output.beside = (text) => this.#beside(text);
  }

  show(view: LiveView): void {
    if (this.#bars) this.#draw(this.#bars, view);
    else if (Date.now() - this.#lineAt >= LINE_MS) {
      if (this.#lineAt > 0) this.#output.note(view.text);
      this.#lineAt = this.#lineAt === 0 ? Date.now() - LINE_MS / 2 : Date.now();
    }
  }

  /** Takes the bar away. */
  stop(): void {
    this.#output.beside = (text) => void process.stderr.write(text);
    this.#bars?.stop();
    this.#bar = null;
  }

  #draw(bars: MultiBar, { text, done, total }: LiveView): void {
    const room = Math.max(20, (process.stderr.columns ?? 80) - 27);
    const payload = { text: text.length > room ? `${text.slice(0, room - 1)}…` : text };
    if (this.#bar) {
      this.#bar.setTotal(total);
      this.#bar.update(done, payload);
    } else this.#bar = bars.create(total, done, payload);
    bars.update();
  }

  #beside(text: string): void {
    // Before the first bar is drawn there is nothing to write around.
    if (!this.#bar || !this.#bars) process.stderr.write(text);
    else {
      this.#bars.log(text);
      this.#bars.update();
    }
  }
}

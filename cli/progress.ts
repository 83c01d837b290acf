import { MultiBar, type SingleBar } from 'cli-progress';
import type { Summary } from '../client/index.ts';
import { count, duration, percent, rate } from './format.ts';
import type { Output } from './output.ts';

/** Over how long the shown speed is taken: long enough to be calm, short enough to follow a change. */
const SPEED_WINDOW_MS = 8_000;
/** How often a line comes where there is no terminal. */
const LINE_MS = 5_000;

interface Sample {
  readonly at: number;
  readonly decided: number;
}

/** Live progress: a bar on a terminal, a plain line every few seconds elsewhere. On stderr, for it is never the answer. */
export class Progress {
  readonly #output: Output;
  readonly #bars: MultiBar | null;
  #bar: SingleBar | null = null;
  #samples: Sample[] = [];
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

  show(summary: Summary): void {
    const text = this.#describe(summary);
    if (this.#bars) this.#draw(this.#bars, summary, text);
    else if (Date.now() - this.#lineAt >= LINE_MS) {
      if (this.#lineAt > 0) this.#output.note(text);
      this.#lineAt = this.#lineAt === 0 ? Date.now() - LINE_MS / 2 : Date.now();
    }
  }

  /** Takes the bar away. */
  stop(): void {
    this.#output.beside = (text) => void process.stderr.write(text);
    this.#bars?.stop();
    this.#bar = null;
  }

  #draw(bars: MultiBar, { items }: Summary, text: string): void {
    const decided = items.applied + items.quarantined + items.unknown;
    const total = Math.max(1, items.total ?? 0, decided + (items.total === null ? 1 : 0));
    const shown = items.total === null ? 0 : decided;
    const room = Math.max(20, (process.stderr.columns ?? 80) - 27);
    const payload = { text: text.length > room ? `${text.slice(0, room - 1)}…` : text };
    if (this.#bar) {
      this.#bar.setTotal(total);
      this.#bar.update(shown, payload);
    } else this.#bar = bars.create(total, shown, payload);
    bars.update();
  }

  #describe({ state, items }: Summary): string {
    const decided = items.applied + items.quarantined + items.unknown;
    const speed = this.#speed(decided);
    const of = items.total === null ? '' : ` of ${count(items.total)} (${percent(decided, items.total)})`;
    const left = items.total === null || speed <= 0 ? null : ((items.total - decided) / speed) * 1_000;
    const parts = [
      state === 'paused' ? 'paused' : null,
      `${count(items.applied)}${of} applied`,
      state === 'paused' ? null : rate(speed),
      left === null || left < 1_000 || state === 'paused' ? null : `${duration(left)} left`,
      items.waiting > 0 ? `${count(items.waiting)} waiting` : null,
      items.quarantined > 0 ? `${count(items.quarantined)} quarantined` : null,
      items.unknown > 0 ? `${count(items.unknown)} unknown` : null,
    ];
    return parts.filter((part) => part !== null).join(' · ');
  }

  #speed(decided: number): number {
    const now = Date.now();
    this.#samples.push({ at: now, decided });
    while (this.#samples.length > 2 && now - (this.#samples[0] as Sample).at > SPEED_WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0] as Sample;
    const ms = now - first.at;
    return ms === 0 ? 0 : Math.max(0, ((decided - first.decided) / ms) * 1_000);
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

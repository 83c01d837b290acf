import type { Summary } from '../client/index.ts';
import { count, duration, percent, rate } from './format.ts';
import { LiveLine } from './live-line.ts';
import type { Output } from './output.ts';

/** Over how long the shown speed is taken: long enough to be calm, short enough to follow a change. */
const SPEED_WINDOW_MS = 8_000;

interface Sample {
  readonly at: number;
  readonly decided: number;
}

/** Live progress of a job. */
export class Progress {
  readonly #line: LiveLine;
  #samples: Sample[] = [];

  constructor(output: Output) {
    this.#line = new LiveLine(output);
  }

  show(summary: Summary): void {
    const { items } = summary;
    const decided = items.applied + items.quarantined + items.unknown;
    this.#line.show({
      text: this.#describe(summary),
      done: items.total === null ? 0 : decided,
      total: Math.max(1, items.total ?? 0, decided + (items.total === null ? 1 : 0)),
    });
  }

  stop(): void {
    this.#line.stop();
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
}

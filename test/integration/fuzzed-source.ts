import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chance } from './ledger-world.ts';

export interface Record {
  readonly id: string;
  readonly v: string;
}

/** How a line of the source is meant. */
type Line =
  | { readonly kind: 'good'; readonly record: Record }
  /** Fails the schema while it is strict. */
  | { readonly kind: 'odd'; readonly record: Record }
  | { readonly kind: 'malformed'; readonly text: string };

const KEYS = 60;

export interface FuzzedSourceOptions {
  readonly source: 'jsonl' | 'items' | 'function';
  /** Whether there are records that fail. */
  readonly trouble: boolean;
  readonly directory: string;
  readonly chance: Chance;
  readonly log: (text: string) => void;
}

/** A source that changes in the ways that happen to files and lists, with what each of its items will do. */
export class FuzzedSource {
  readonly list: Record[] = [];
  /** Keys that were in the source at any time. */
  readonly seen = new Set<string>();
  /** Calls that still fail, by key. */
  readonly fails = new Map<string, number>();
  readonly later = new Set<string>();
  readonly refused = new Set<string>();
  readonly #options: FuzzedSourceOptions;
  #lines: Line[] = [];
  /** Bytes at the end of the last line that are not written yet. */
  #cut = 0;

  constructor(options: FuzzedSourceOptions) {
    this.#options = options;
  }

  /** What the source holds now, by its text. */
  expected({ strict, resent }: { readonly strict: boolean; readonly resent: boolean }): {
    readonly keys: ReadonlySet<string>;
    readonly keyless: number;
    readonly doubles: number;
  } {
    const keys = new Set<string>();
    let keyless = 0;
    let doubles = 0;
    const shown =
      this.#options.source === 'jsonl'
        ? readFileSync(join(this.#options.directory, 'in.jsonl'), 'utf8').split('\n')
        : this.list.map((record) => JSON.stringify(record));
    for (const text of shown) {
      if (text === '') continue;
      let record: Record;
      try {
        record = JSON.parse(text) as Record;
      } catch {
        keyless++;
        continue;
      }
      if (strict && record.v === 'odd') keyless++;
      else if (record.v === 'odd' && !resent) continue;
      else if (keys.has(record.id)) doubles++;
      else keys.add(record.id);
    }
    return { keys, keyless, doubles };
  }

  #line(): Line {
    const chance = this.#options.chance;
    const id = `k${chance.below(KEYS)}`;
    if (this.#options.trouble) {
      if (this.#options.source === 'jsonl' && chance.one(15)) return { kind: 'malformed', text: `{"id":"${id}"` };
      if (chance.one(15)) return { kind: 'odd', record: { id: `o${chance.below(KEYS)}`, v: 'odd' } };
      if (chance.one(8)) this.fails.set(id, chance.one(3) ? Number.POSITIVE_INFINITY : 1 + chance.below(2));
      if (chance.one(15)) this.later.add(id);
      if (chance.one(20)) this.refused.add(id);
    }
    return { kind: 'good', record: { id, v: String(chance.below(10)) } };
  }

  /** Lines with few keys twice. */
  #some(count: number): Line[] {
    const taken = new Set(this.#lines.map((line) => (line.kind === 'malformed' ? '' : line.record.id)));
    const lines: Line[] = [];
    while (lines.length < count) {
      const line = this.#line();
      const id = line.kind === 'malformed' ? null : line.record.id;
      if (id !== null && taken.has(id) && !this.#options.chance.one(15) && taken.size < KEYS) continue;
      if (id !== null) taken.add(id);
      lines.push(line);
    }
    return lines;
  }

  /** Changes the source in a way that happens to files. */
  change(how: 'new' | 'any' = 'any'): void {
    const chance = this.#options.chance;
    const kind =
      how === 'new'
        ? 'new'
        : (['append', 'append', 'cut', 'replace', 'edit', 'mend', 'none'] as const)[chance.below(7)];
    this.#options.log(`    ${kind}`);
    if (kind === 'none') return;
    if (this.#options.source === 'function' && kind !== 'new') {
      // The order must be the same each time.
      this.#lines.push(...this.#some(1 + chance.below(6)));
      this.#write('append');
      return;
    }
    const path = join(this.#options.directory, 'in.jsonl');
    if (kind === 'append' || kind === 'cut' || kind === 'new') {
      this.#lines.push(...this.#some(how === 'new' ? 5 + chance.below(25) : 1 + chance.below(8)));
      const before = how === 'new' || this.#options.source !== 'jsonl' ? '' : readFileSync(path, 'utf8');
      const text = this.#text();
      this.#cut = kind === 'cut' || chance.one(6) ? 1 + chance.below(chance.one(2) ? 1 : 8) : 0;
      this.#write(kind === 'new' ? 'replace' : 'append', before.length, text);
      return;
    }
    if (kind === 'replace') {
      this.#lines = chance.shuffle(this.#lines).slice(0, Math.ceil(this.#lines.length * (0.5 + chance.next() / 2)));
      this.#lines.push(...this.#some(chance.below(6)));
      this.#lines = chance.one(2) ? chance.shuffle(this.#lines) : this.#lines;
    } else if (kind === 'edit') {
      const at = chance.below(this.#lines.length);
      const line = this.#lines[at];
      if (line?.kind === 'good')
        this.#lines[at] = { kind: 'good', record: { id: line.record.id, v: String(chance.below(10)) } };
    } else {
      this.#lines = this.#lines.map((line) => (line.kind === 'good' ? line : (this.#some(1)[0] as Line)));
    }
    this.#cut = 0;
    this.#write(kind === 'edit' ? 'edit' : 'replace');
  }

  #text(): string {
    return this.#lines
      .map((line) => `${line.kind === 'malformed' ? line.text : JSON.stringify(line.record)}\n`)
      .join('');
  }

  #write(how: 'append' | 'replace' | 'edit', from = 0, text = this.#text()): void {
    for (const line of this.#lines) if (line.kind !== 'malformed') this.seen.add(line.record.id);
    this.list.splice(
      0,
      this.list.length,
      ...this.#lines.flatMap((line) => (line.kind === 'malformed' ? [] : [line.record])),
    );
    if (this.#options.source !== 'jsonl') return;
    const path = join(this.#options.directory, 'in.jsonl');
    const shown = text.slice(0, text.length - this.#cut);
    if (how === 'append') appendFileSync(path, shown.slice(from));
    else if (how === 'edit') writeFileSync(path, shown);
    else {
      writeFileSync(`${path}.new`, shown);
      renameSync(`${path}.new`, path);
    }
  }
}

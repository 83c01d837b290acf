import type { Hit, MemoTask } from './memoization.ts';

/** A call that waits for another one to compute its key. */
export interface Waiter {
  readonly task: MemoTask;
  readonly notBefore: number | null;
  /** When it began, in milliseconds since 1970. */
  readonly since: number;
  readonly resolve: (hit: Hit | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Those of this process that wait for a key, in the order they came. */
interface Line {
  readonly waiters: Set<Waiter>;
  /** The token under which this process computes the key, if it does. */
  token: string | null;
  /** One was told to try; runs out in case it does not. */
  turn: NodeJS.Timeout | null;
}

/** How long the one whose turn it is may take to ask for the key, until the next one is told. */
const TURN_MS = 1_000;

/**
 * Who computes which key in this process, and who waits for it. When a holder fails, one of those who wait is told to try; the
 * others go on waiting for that one.
 */
export class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #onWatched: () => void;

  /** @param onWatched called when a key is waited for that another process computes */
  constructor(onWatched: () => void) {
    this.#onWatched = onWatched;
  }

  isHeld(hash: string): boolean {
    return (this.#lines.get(hash)?.token ?? null) !== null;
  }

  /** This process computes the key. */
  hold(hash: string, token: string): void {
    const line = this.#line(hash);
    line.token = token;
    endTurn(line);
  }

  /** Another process computes the key, or has: nobody's turn here. */
  pass(hash: string): void {
    const line = this.#lines.get(hash);
    if (line === undefined) return;
    endTurn(line);
    if (line.token === null && line.waiters.size > 0) this.#onWatched();
    this.#forget(hash, line);
  }

  /** Resolves, or is rejected, when the waiter is; `leave` takes it out of the line. */
  enter(hash: string, waiter: Waiter): { leave(): void } {
    const line = this.#line(hash);
    line.waiters.add(waiter);
    if (line.token === null) this.#onWatched();
    return {
      leave: () => {
        line.waiters.delete(waiter);
        this.#forget(hash, line);
      },
    };
  }

  waitersOf(hash: string): readonly Waiter[] {
    return [...(this.#lines.get(hash)?.waiters ?? [])];
  }

  /** Ends a wait. */
  serve(hash: string, waiter: Waiter, hit: Hit): void {
    if (this.#lines.get(hash)?.waiters.delete(waiter) === true) waiter.resolve(hit);
  }

  /** The holder here is done, or gave up: who still waits is not served by it, and one of them tries. */
  free(hash: string, token: string): void {
    const line = this.#lines.get(hash);
    if (line === undefined || line.token !== token) return;
    line.token = null;
    this.wakeOne(hash);
    this.#forget(hash, line);
  }

  /** Tells one that it may ask for the key. */
  wakeOne(hash: string): void {
    const line = this.#lines.get(hash);
    const [waiter] = line?.waiters ?? [];
    if (line === undefined || waiter === undefined || line.token !== null || line.turn !== null) return;
    line.waiters.delete(waiter);
    line.turn = setTimeout(() => {
      line.turn = null;
      this.wakeOne(hash);
      this.#forget(hash, line);
    }, TURN_MS);
    line.turn.unref();
    waiter.resolve(null);
  }

  /** The keys that are waited for and computed elsewhere. */
  watched(): readonly string[] {
    const hashes: string[] = [];
    for (const [hash, line] of this.#lines) {
      if (line.token === null && line.turn === null && line.waiters.size > 0) hashes.push(hash);
    }
    return hashes;
  }

  rejectAll(error: unknown, hashes: Iterable<string> = [...this.#lines.keys()]): void {
    for (const hash of hashes) {
      const line = this.#lines.get(hash);
      if (line === undefined) continue;
      const waiters = [...line.waiters];
      line.waiters.clear();
      endTurn(line);
      this.#forget(hash, line);
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  held(): readonly { readonly hash: string; readonly token: string }[] {
    return [...this.#lines].flatMap(([hash, { token }]) => (token === null ? [] : [{ hash, token }]));
  }

  #line(hash: string): Line {
    const known = this.#lines.get(hash);
    if (known !== undefined) return known;
    const line: Line = { waiters: new Set(), token: null, turn: null };
    this.#lines.set(hash, line);
    return line;
  }

  #forget(hash: string, line: Line): void {
    if (line.waiters.size > 0 || line.token !== null || line.turn !== null) return;
    if (this.#lines.get(hash) === line) this.#lines.delete(hash);
  }
}

function endTurn(line: Line): void {
  clearTimeout(line.turn ?? undefined);
  line.turn = null;
}

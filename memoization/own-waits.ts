import type { Wait } from './wait-rows.ts';

interface Count {
  calls: number;
  /** Whether the store has it. */
  isWritten: boolean;
}

/**
 * The waits of this process, each with the calls that it stands for: several calls within one computation may wait for one key, and
 * the wait is over with the last of them.
 */
export class OwnWaits {
  readonly #counts = new Map<string, Count>();

  begin(waits: readonly Wait[]): void {
    for (const wait of waits) {
      const id = idOf(wait);
      const count = this.#counts.get(id);
      if (count === undefined) this.#counts.set(id, { calls: 1, isWritten: false });
      else count.calls += 1;
    }
  }

  written(waits: readonly Wait[]): void {
    for (const wait of waits) {
      const count = this.#counts.get(idOf(wait));
      if (count !== undefined) count.isWritten = true;
    }
  }

  /** One call waits no more. Those that the store is to forget. */
  end(waits: readonly Wait[]): readonly Wait[] {
    return waits.filter((wait) => {
      const id = idOf(wait);
      const count = this.#counts.get(id);
      if (count === undefined) return false;
      count.calls -= 1;
      if (count.calls > 0) return false;
      this.#counts.delete(id);
      return count.isWritten;
    });
  }
}

const idOf = ({ token, awaited }: Wait): string => `${token} ${awaited}`;

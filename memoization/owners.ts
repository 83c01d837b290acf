/** How long the answer that a process lives is taken for true. */
const ALIVE_MS = 1_000;

export interface OwnersOptions {
  readonly owner: string;
  readonly livingOwners: (owners: readonly string[]) => Promise<ReadonlySet<string>>;
}

/** Which of the processes that hold claims are dead: asked of others only, and each about once a second. */
export class Owners {
  readonly #options: OwnersOptions;
  readonly #aliveAt = new Map<string, number>();

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  async dead(owners: Iterable<string>): Promise<ReadonlySet<string>> {
    const now = performance.now();
    const unsure = [...new Set(owners)].filter((owner) => {
      if (owner === this.#options.owner) return false;
      return now - (this.#aliveAt.get(owner) ?? Number.NEGATIVE_INFINITY) > ALIVE_MS;
    });
    if (unsure.length === 0) return new Set();
    const living = await this.#options.livingOwners(unsure);
    for (const owner of unsure) {
      if (living.has(owner)) this.#aliveAt.set(owner, now);
      else this.#aliveAt.delete(owner);
    }
    return new Set(unsure.filter((owner) => !living.has(owner)));
  }
}

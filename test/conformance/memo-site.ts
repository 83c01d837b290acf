import type { Database } from '../../database/database.ts';
import type { Expiration, MemoizeSpec } from '../../definitions/memoize.ts';
import type { MemoEntries } from '../../memoization/entries.ts';
import type {
  AskAgain,
  Claim,
  ClaimOptions,
  Memoization,
  MemoTask,
  RunOutcome,
  Seal,
} from '../../memoization/memoization.ts';
import { openEntries, openMemoization } from '../../memoization/open-memoization.ts';

/** Where a store is, for one test. */
export interface MemoHome {
  readonly directory: string;
  open(): Promise<Database>;
  remove(): Promise<void>;
}

export interface ProcessOptions {
  readonly seal?: Seal;
  /** Milliseconds since 1970, in place of the clock. */
  readonly now?: () => number;
  readonly database?: Database;
}

/** A store with the processes that use it; their owners are other than the process of the test, and live until `kill`. */
export class MemoSite {
  readonly home: MemoHome;
  readonly #dead = new Set<string>();
  readonly #closing: (() => Promise<void>)[] = [];
  #owners = 0;

  constructor(home: MemoHome) {
    this.home = home;
  }

  get results(): string {
    return `${this.home.directory}/results`;
  }

  async database(): Promise<Database> {
    const database = await this.home.open();
    this.#closing.push(() => database.close());
    return database;
  }

  async process(options: ProcessOptions = {}): Promise<MemoProcess> {
    const owner = `owner-${++this.#owners}`;
    const memoization = await openMemoization({
      ...(await this.#opened(options)),
      owner,
      livingOwners: async (owners) => new Set(owners.filter((each) => !this.#dead.has(each))),
      reach: () => {},
    });
    this.#closing.push(() => memoization.close());
    return new MemoProcess(memoization, owner);
  }

  async entries(options: ProcessOptions = {}): Promise<MemoEntries> {
    const livingOwners = async (owners: readonly string[]) => new Set(owners.filter((each) => !this.#dead.has(each)));
    return openEntries({ ...(await this.#opened(options)), livingOwners });
  }

  async #opened({ database, seal, now }: ProcessOptions) {
    return {
      database: database ?? (await this.database()),
      results: this.results,
      directory: this.home.directory,
      now: now ?? Date.now,
      seal: seal ?? null,
    };
  }

  /** What it holds is over from here on, as far as others can tell. */
  kill(process: MemoProcess): void {
    this.#dead.add(process.owner);
  }

  async end(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
    await this.home.remove();
  }
}

/** One process of a site. */
export class MemoProcess {
  readonly memoization: Memoization;
  readonly owner: string;

  constructor(memoization: Memoization, owner: string) {
    this.memoization = memoization;
    this.owner = owner;
  }

  run(
    task: MemoTask,
    input: unknown,
    compute: () => unknown,
    more: { notBefore?: number; waitMsMax?: number; again?: AskAgain } = {},
  ) {
    const signal = new AbortController().signal;
    return this.memoization.run(task, input, compute, { notBefore: null, madeBy: this.owner, signal, ...more });
  }

  /** The result of a call that computes `value`, and whether it did. */
  async call(
    task: MemoTask,
    input: unknown,
    value: unknown,
    notBefore?: number,
  ): Promise<[unknown, 'hit' | 'computed']> {
    const more = notBefore === undefined ? {} : { notBefore };
    const outcome: RunOutcome = await this.run(task, input, () => value, more);
    return [outcome.value, outcome.hit === null ? 'computed' : 'hit'];
  }

  async claim(task: MemoTask, input: unknown, options: Partial<ClaimOptions> = {}) {
    const key = this.memoization.keyOf(task, input);
    return this.memoization.claim(task, key, { notBefore: null, ...options });
  }

  /** A claim that is granted. */
  async hold(task: MemoTask, input: unknown): Promise<Claim> {
    const answer = await this.claim(task, input);
    if (answer.kind !== 'mine') throw new Error(`The claim was answered ${answer.kind}`);
    return answer.claim;
  }

  complete(claim: Claim, value: unknown): Promise<void> {
    return this.memoization.complete({ claim, value, input: null, costMs: 1, madeBy: this.owner });
  }

  async peek(task: MemoTask, input: unknown): Promise<unknown> {
    const key = this.memoization.keyOf(task, input);
    const [hit] = await this.memoization.lookup(task, [key], { notBefore: null });
    return hit === null ? 'miss' : hit?.value;
  }

  wait(task: MemoTask, input: unknown, signal = new AbortController().signal) {
    const key = this.memoization.keyOf(task, input);
    return this.memoization.wait(task, key, { notBefore: null, signal });
  }
}

export function memoTask(
  name = 'locate',
  more: { readonly version?: string; readonly expires?: Expiration } & Partial<Omit<MemoizeSpec, 'expires'>> = {},
): MemoTask {
  const { version = '1', expires = { kind: 'never' }, ...spec } = more;
  return {
    name,
    version,
    memoize: { expires, key: null, refresh: false, storage: null, onStoreError: 'fail', ...spec },
  };
}

/** A promise that a test settles. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

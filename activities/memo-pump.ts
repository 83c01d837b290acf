import { checkInput, type TaskSpec } from '../definitions/task.ts';
import { type Hit, isMemoTask, type MemoKey, type MemoTask } from '../memoization/memoization.ts';
import { type CallResult, type CallStart, startCall } from './call.ts';
import { copyInput } from './copy-input.ts';
import type { ItemWork } from './item-context.ts';
import { ItemPump, type PumpOptions } from './item-pump.ts';
import { MemoCall } from './memo-call.ts';
import { oneHit } from './memo-tally.ts';

/** A pump for a job's items: one that knows stored results, where the job's task is memoized. */
export function pumpOf<Work extends ItemWork>(options: PumpOptions<Work>): ItemPump<Work> {
  const { work } = options.session.spec;
  if (work.kind !== 'task' || !isMemoTask(work.task)) return new ItemPump(options);
  return new MemoPump(options, work.task, work.input);
}

interface Keyed {
  /** As the task's schema gives it out. */
  readonly input: unknown;
  readonly key: MemoKey;
  begun: boolean;
}

/**
 * Runs items of a memoized task. All keys are looked up in one query; what is not stored is computed by whoever claims it, and a
 * claim is asked for only once a slot is held. An item whose input another call computes holds nothing while it waits for the
 * result, so that no paused, slow or narrow job sits on what others need.
 */
class MemoPump<Work extends ItemWork> extends ItemPump<Work> {
  readonly #task: TaskSpec & MemoTask;
  readonly #inputOf: ((item: unknown) => unknown) | null;
  readonly #keyed = new Map<Work, Keyed>();
  /** Free to be asked for again: whoever computed them failed or died. */
  #again: Work[] = [];
  #parked = 0;
  #wake: (() => void) | null = null;
  /** The store cannot be used, and the task does without it (`onStoreError: 'run'`). */
  #withoutStore = false;

  constructor(options: PumpOptions<Work>, task: TaskSpec & MemoTask, inputOf: ((item: unknown) => unknown) | null) {
    super(options);
    this.#task = task;
    this.#inputOf = inputOf;
    this.stopSignal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  override async run(works: Iterable<Work>): Promise<void> {
    let next: readonly Work[] = await this.#lookUp(await this.#keys(works));
    for (;;) {
      await super.run(next);
      if (this.stopSignal.aborted || (this.#parked === 0 && this.#again.length === 0)) return;
      if (this.#again.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      next = this.#again.splice(0);
    }
  }

  protected override begin(works: readonly Work[]): CallStart {
    const work = works[0] as Work;
    const keyed = this.#keyed.get(work) as Keyed;
    if (!keyed.begun) super.took();
    keyed.begun = true;
    if (this.#withoutStore) return startCall(this.session, works, { checked: keyed.input });
    const { input, key } = keyed;
    const { session } = this;
    const fail = (error: unknown) => this.fail(error);
    return { kind: 'pending', call: new MemoCall({ session, work, task: this.#task, input, key, fail }) };
  }

  /** Counted when an item begins for the first time. */
  protected override took(): void {}

  protected override take(work: Work, result: CallResult): Promise<void> | undefined {
    if (result.kind === 'busy') {
      this.#park(work);
      return undefined;
    }
    this.#keyed.delete(work);
    return super.take(work, result);
  }

  /** The items whose input has a key; of the others the error is taken in. */
  async #keys(works: Iterable<Work>): Promise<Work[]> {
    const keyed: Work[] = [];
    for (const work of works) {
      if (this.stopSignal.aborted) break;
      try {
        const given = copyInput(this.#inputOf ? this.#inputOf(work.item) : work.item);
        const input = this.#task.schema === null ? given : await checkInput(this.#task, given);
        this.#keyed.set(work, { input, key: this.session.deps.memo.keyOf(this.#task, input), begun: false });
        keyed.push(work);
      } catch (error) {
        super.took();
        const room = this.take(work, { kind: 'error', error });
        if (room) await room;
      }
      const turn = this.giveTurn();
      if (turn) await turn;
    }
    return keyed;
  }

  /** The items that must be computed; of the others the stored result is taken in. */
  async #lookUp(works: readonly Work[]): Promise<Work[]> {
    const { session } = this;
    if (works.length === 0) return [];
    let hits: readonly (Hit | null)[];
    try {
      const keys = works.map((work) => (this.#keyed.get(work) as Keyed).key);
      hits = await session.deps.memo.lookup(this.#task, keys, { notBefore: session.notBefore(this.#task) });
    } catch (error) {
      if (this.#task.memoize.onStoreError === 'fail') throw error;
      session.logOf({}).warn(`Stored results cannot be used, every item is computed: ${error}`);
      this.#withoutStore = true;
      return [...works];
    }
    const misses: Work[] = [];
    for (let n = 0; n < works.length; n++) {
      const work = works[n] as Work;
      const hit = hits[n] ?? null;
      if (hit === null) misses.push(work);
      else {
        super.took();
        const room = this.take(work, { kind: 'hit', value: hit.value, memo: oneHit(hit) });
        if (room) await room;
      }
      const turn = this.giveTurn();
      if (turn) await turn;
    }
    return misses;
  }

  /** Waits for whoever computes the item's input, holding nothing. */
  #park(work: Work): void {
    const { key } = this.#keyed.get(work) as Keyed;
    const { session, stopSignal: signal } = this;
    this.#parked++;
    session.deps.memo
      .wait(this.#task, key, { notBefore: session.notBefore(this.#task), signal })
      .then(async (hit) => {
        if (hit === null) this.#again.push(work);
        else await this.take(work, { kind: 'hit', value: hit.value, memo: oneHit(hit) });
      })
      .catch((error) => {
        if (!signal.aborted) this.fail(error);
      })
      .finally(() => {
        this.#parked--;
        this.#wake?.();
      });
  }
}

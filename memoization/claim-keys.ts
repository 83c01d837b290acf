import type { Transaction } from '../database/database.ts';
import { type ClaimRow, insertClaims, type NewClaim, readClaims, replaceClaims } from './claim-rows.ts';
import { judge, type StoredRow } from './entry.ts';
import type { EntryIndex } from './entry-index.ts';
import type { MemoTask } from './memoization.ts';
import type { TaskNoOf } from './task-numbers.ts';
import { findCircle, type Wait, writeWaits } from './wait-rows.ts';

export interface ClaimRequest {
  readonly task: MemoTask;
  readonly hash: string;
  /** Random: nobody else's claim has it. */
  readonly token: string;
  readonly notBefore: number | null;
  /** The computations that would wait if the key is another's. */
  readonly waits: readonly Wait[];
  /** A stored result that turned out damaged. */
  readonly damaged: StoredRow | null;
  /** Tokens and owners that are known to be over. */
  readonly deadTokens: ReadonlySet<string>;
  readonly deadOwners: ReadonlySet<string>;
}

export type ClaimReply =
  | { readonly kind: 'mine' }
  | { readonly kind: 'entry'; readonly row: StoredRow }
  | { readonly kind: 'busy'; readonly holder: ClaimRow }
  /** `owners`: those of the waits that make the circle. */
  | { readonly kind: 'circle'; readonly owners: ReadonlySet<string> };

export interface ClaimKeysOptions {
  readonly index: EntryIndex;
  readonly owner: string;
  readonly now: () => number;
  /** Tokens of claims that are over, though the store could not be told. */
  readonly abandoned: { has(token: string): boolean };
  readonly taskNoOf: TaskNoOf;
}

/** Answers requests for claims in one transaction, in their order: of several for one key, the first one gets it. */
export async function claimKeys(
  tx: Transaction,
  requests: readonly ClaimRequest[],
  options: ClaimKeysOptions,
): Promise<readonly ClaimReply[]> {
  if (requests.length === 0) return [];
  const at = options.now();
  const entries = await options.index.readForClaims(tx, [...new Set(requests.map((request) => request.hash))].sort());
  const wanted = new Map<string, NewClaim>();
  for (const request of requests) {
    const { hash, token, task } = request;
    if (isTaken(entries.get(hash), request, at) || wanted.has(hash)) continue;
    wanted.set(hash, { hash, token, owner: options.owner, taskNo: options.taskNoOf(task), claimedAt: at });
  }
  const claims = await take(tx, wanted);
  const replies: ClaimReply[] = [];
  for (const request of requests) {
    const entry = entries.get(request.hash);
    if (isTaken(entry, request, at)) replies.push({ kind: 'entry', row: entry });
    else if (claims.get(request.hash)?.token === request.token) replies.push({ kind: 'mine' });
    else replies.push(await decide(tx, request, { claims, wanted, options }));
  }
  return replies;
}

/** Whether there is a result that the request may take. */
function isTaken(entry: StoredRow | undefined, request: ClaimRequest, now: number): entry is StoredRow {
  if (entry === undefined) return false;
  const { damaged, task, notBefore } = request;
  if (damaged !== null && damaged.entry_no === entry.entry_no && damaged.made_at === entry.made_at) return false;
  return judge(entry, task, { now, notBefore }).kind === 'valid';
}

/** Who holds each of the keys after they were asked for. Most are free, so that they are written first and read only if not. */
async function take(tx: Transaction, wanted: ReadonlyMap<string, NewClaim>): Promise<Map<string, ClaimRow>> {
  const sorted = [...wanted.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  if ((await insertClaims(tx, sorted)) < sorted.length) return readClaims(tx, [...wanted.keys()]);
  return new Map(sorted.map((claim) => [claim.hash, holderOf(claim)]));
}

const holderOf = ({ token, owner }: NewClaim): ClaimRow => ({ key: new Uint8Array(), token, owner });

interface Deciding {
  readonly claims: Map<string, ClaimRow>;
  readonly wanted: ReadonlyMap<string, NewClaim>;
  readonly options: ClaimKeysOptions;
}

async function decide(tx: Transaction, request: ClaimRequest, state: Deciding): Promise<ClaimReply> {
  const { claims, wanted, options } = state;
  const { hash, token } = request;
  // Somebody's, or it would have been written just now.
  const holder = claims.get(hash) as ClaimRow;
  if (request.deadTokens.has(holder.token) || options.abandoned.has(holder.token)) {
    const claim = { ...(wanted.get(hash) as NewClaim), token };
    await replaceClaims(tx, [claim]);
    claims.set(hash, holderOf(claim));
    return { kind: 'mine' };
  }
  if (request.waits.length > 0) {
    const own = new Set(request.waits.map((wait) => wait.waiter));
    const owners = await findCircle(tx, { from: hash, own, dead: request.deadOwners });
    if (owners !== null) return { kind: 'circle', owners };
    await writeWaits(tx, request.waits, options.owner);
  }
  return { kind: 'busy', holder };
}

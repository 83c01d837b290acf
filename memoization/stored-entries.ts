import type { Database, SqlValue, Transaction } from '../database/database.ts';
import { collectFiles } from './collect-files.ts';
import type {
  Collected,
  CostRange,
  EntrySelection,
  EntryView,
  Explanation,
  MemoEntries,
  MissReason,
  TaskStats,
} from './entries.ts';
import { EntryIndex } from './entry-index.ts';
import { STORED_COLUMNS } from './entry-rows.ts';
import { type ListedRow, viewEntry } from './entry-view.ts';
import { type ExplainOptions, partReason, reasonsOf } from './explain.ts';
import { hexOf } from './key-bytes.ts';
import { changeMany } from './many.ts';
import type { MemoKey, MemoTask } from './memoization.ts';
import type { OpenEntries } from './open-memoization.ts';
import { Results } from './results.ts';
import { claimsWhere, entriesWhere, hasPrefix } from './selection.ts';
import { settleAll } from './settle.ts';
import { readStats } from './stats.ts';

const LISTED = `${STORED_COLUMNS}, tail, key, task_no, parts, (SELECT name FROM hf_memo_task t WHERE t.task_no = hf_memo.task_no) AS task,
  (SELECT version FROM hf_memo_task t WHERE t.task_no = hf_memo.task_no) AS version`;
const FOUND_MAX = 1_000;
/** Results of which costs are told: the newest. */
const COSTS_MAX = 10_000;
/** Rows that one transaction changes, so that workers get their turn. */
const CHANGED_MAX = 10_000;

/** See {@link MemoEntries}. */
export class StoredEntries implements MemoEntries {
  readonly #options: OpenEntries;
  readonly #database: Database;
  readonly #index = new EntryIndex();
  readonly #results: Results;

  constructor(options: OpenEntries) {
    this.#options = options;
    this.#database = options.database;
    this.#results = new Results(options);
  }

  async stats(): Promise<readonly TaskStats[]> {
    await this.#settle();
    const dead = await this.#deadOwners();
    return this.#database.read((tx) => readStats(tx, { now: this.#options.now(), dead: [...dead] }));
  }

  async list(selection: EntrySelection, { limit }: { readonly limit: number }): Promise<readonly EntryView[]> {
    await this.#settle();
    const dead = await this.#deadOwners();
    const { running, rows } = await this.#database.read(async (tx) => ({
      running: await this.#running(tx, selection, { dead, limit }),
      rows: await this.#rows(tx, selection, limit),
    }));
    const now = this.#options.now();
    const views = await Promise.all(rows.map((row) => viewEntry(row, { now, thorough: false })));
    return [...running, ...views].slice(0, limit);
  }

  async find(keyPrefix: string): Promise<readonly EntryView[]> {
    await this.#settle();
    const selection = { key: keyPrefix };
    const dead = await this.#deadOwners();
    const { running, rows } = await this.#database.read(async (tx) => ({
      running: await this.#running(tx, selection, { dead, limit: FOUND_MAX }),
      rows: await this.#rows(tx, selection, FOUND_MAX),
    }));
    const now = this.#options.now();
    const views = await Promise.all(rows.map((row) => viewEntry(row, { now, thorough: true })));
    return [...views, ...running.filter((each) => views.every((view) => view.key !== each.key))];
  }

  /** As far as it can be: a store that cannot be written is shown as it is. */
  async #settle(): Promise<void> {
    await settleAll(this.#database).catch(() => {});
  }

  async #rows(tx: Transaction, selection: EntrySelection, limit: number): Promise<readonly ListedRow[]> {
    const { sql, params } = entriesWhere(selection);
    const rows = await tx.all<ListedRow>(
      `SELECT ${LISTED} FROM hf_memo WHERE ${sql} ORDER BY made_at DESC, entry_no DESC LIMIT ?`,
      [...params, limit],
    );
    const { key } = selection;
    return key === undefined ? rows : rows.filter((row) => hasPrefix(row, key));
  }

  async #running(
    tx: Transaction,
    selection: EntrySelection,
    { dead, limit }: { readonly dead: ReadonlySet<string>; readonly limit: number },
  ): Promise<readonly EntryView[]> {
    const { sql, params } = claimsWhere(selection);
    const rows = await tx.all<{ key: Uint8Array; task: string; version: string; owner: string }>(
      `SELECT key, name AS task, version, owner FROM hf_memo_claim JOIN hf_memo_task USING (task_no)
       WHERE ${sql} ORDER BY claimed_at DESC LIMIT ?`,
      [...params, limit],
    );
    return rows.filter((row) => !dead.has(row.owner)).map(runningView);
  }

  async valueOf(key: string): Promise<{ readonly value: unknown } | null> {
    await this.#settle();
    const [row] = await this.#database.read((tx) => this.#rows(tx, { key }, 1));
    return row === undefined ? null : this.#results.valueOf(row);
  }

  async explain(task: MemoTask, key: MemoKey): Promise<Explanation> {
    const [reason = null] = await reasonsOf(task, [key], await this.#explaining(true));
    if (reason !== null) return { kind: 'miss', key: key.hash, reason: await this.#closer(task, key, reason) };
    const [entry] = await this.find(key.hash);
    // Gone between the two looks.
    if (entry === undefined) return { kind: 'miss', key: key.hash, reason: { kind: 'never' } };
    return { kind: 'hit', key: key.hash, entry };
  }

  async #closer(task: MemoTask, key: MemoKey, reason: MissReason): Promise<MissReason> {
    return reason.kind === 'never' ? ((await partReason(task, key, this.#database)) ?? reason) : reason;
  }

  async reasonsOf(task: MemoTask, keys: readonly MemoKey[]): Promise<readonly (MissReason | null)[]> {
    return reasonsOf(task, keys, await this.#explaining(false));
  }

  async #explaining(thorough: boolean): Promise<ExplainOptions> {
    const dead = await this.#deadOwners();
    return { database: this.#database, index: this.#index, now: this.#options.now, dead, thorough };
  }

  async costsOf(task: Pick<MemoTask, 'name'>): Promise<CostRange | null> {
    const rows = await this.#database.read((tx) =>
      tx.all<{ cost_ms: number }>(
        `SELECT cost_ms FROM hf_memo WHERE task_no IN (SELECT task_no FROM hf_memo_task WHERE name = ?)
         ORDER BY entry_no DESC LIMIT ${COSTS_MAX}`,
        [task.name],
      ),
    );
    if (rows.length === 0) return null;
    const costs = rows.map((row) => row.cost_ms).sort((a, b) => a - b);
    const at = (share: number): number => costs[Math.round(share * (costs.length - 1))] ?? 0;
    return { count: costs.length, lowMs: at(0.1), medianMs: at(0.5), highMs: at(0.9) };
  }

  async invalidate(selection: EntrySelection): Promise<number> {
    const now = this.#options.now();
    // First those who compute: what they store afterwards would be as old.
    const running = claimsWhere(selection);
    await this.#database.write((tx) => tx.run(`DELETE FROM hf_memo_claim WHERE ${running.sql}`, running.params));
    await settleAll(this.#database);
    const chosen = entriesWhere(selection);
    // Whatever time it bears: the clock that it was made by may be ahead of this one.
    const condition = `${chosen.sql} AND invalidated_at IS NULL`;
    const { key } = selection;
    return this.#eachPage({ sql: condition, params: chosen.params }, async (tx, rows) => {
      const fitting = key === undefined ? rows : rows.filter((row) => hasPrefix(row, key));
      return changeMany(tx, {
        sql: `UPDATE hf_memo SET invalidated_at = ${Math.floor(now)}, value = NULL, checksum = NULL, file = NULL,
          folder_no = NULL, bytes = 0 WHERE entry_no IN (?)`,
        list: fitting.map((row) => row.entry_no),
      });
    });
  }

  async collect(): Promise<Collected> {
    await this.#endDeadClaims();
    await settleAll(this.#database);
    let freed = 0;
    const over = { sql: '(invalidated_at IS NOT NULL OR expires_at <= ?)', params: [this.#options.now()] };
    const entries = await this.#eachPage(over, async (tx, rows) => {
      for (const row of rows) if (row.file === null) freed += row.bytes;
      await tx.runMany(
        'DELETE FROM hf_memo_index WHERE key = ? AND entry_no = ?',
        rows.map((row) => [row.key, row.entry_no]),
      );
      return changeMany(tx, {
        sql: 'DELETE FROM hf_memo WHERE entry_no IN (?)',
        list: rows.map((row) => row.entry_no),
      });
    });
    const { files, bytes } = await collectFiles(this.#database);
    return { entries, files, bytes: freed + bytes };
  }

  /** Changes rows that fulfil a condition some thousands at a time; resolves to how many were changed. */
  async #eachPage(
    { sql, params }: { readonly sql: string; readonly params: readonly SqlValue[] },
    change: (tx: Transaction, rows: readonly PageRow[]) => Promise<number>,
  ): Promise<number> {
    let changed = 0;
    for (let after = 0; ; ) {
      const last = await this.#database.write(async (tx) => {
        const rows = await tx.all<PageRow>(
          `SELECT entry_no, key, tail, file, bytes FROM hf_memo WHERE ${sql} AND entry_no > ?
           ORDER BY entry_no LIMIT ${CHANGED_MAX}`,
          [...params, after],
        );
        if (rows.length > 0) changed += await change(tx, rows);
        return rows.length < CHANGED_MAX ? null : (rows.at(-1)?.entry_no ?? null);
      });
      if (last === null) return changed;
      after = last;
    }
  }

  async #endDeadClaims(): Promise<void> {
    const dead = [...(await this.#deadOwners())];
    if (dead.length === 0) return;
    await this.#database.write(async (tx) => {
      await changeMany(tx, { sql: 'DELETE FROM hf_memo_claim WHERE owner IN (?)', list: dead });
      await changeMany(tx, { sql: 'DELETE FROM hf_memo_wait WHERE owner IN (?)', list: dead });
    });
  }

  /** Processes that left claims and live no more: what they computed is not being computed. */
  async #deadOwners(): Promise<ReadonlySet<string>> {
    const { livingOwners } = this.#options;
    if (livingOwners === undefined) return new Set();
    const sql = 'SELECT owner FROM hf_memo_claim UNION SELECT owner FROM hf_memo_wait';
    const owners = (await this.#database.read((tx) => tx.all<{ owner: string }>(sql))).map((row) => row.owner);
    if (owners.length === 0) return new Set();
    const living = await livingOwners(owners);
    return new Set(owners.filter((owner) => !living.has(owner)));
  }
}

interface PageRow {
  readonly entry_no: number;
  readonly key: Uint8Array;
  readonly tail: Uint8Array;
  readonly file: Uint8Array | null;
  readonly bytes: number;
}

function runningView(row: {
  readonly key: Uint8Array;
  readonly task: string;
  readonly version: string;
  readonly owner: string;
}): EntryView {
  const unknown = { madeAt: null, madeBy: null, expiresAt: null, invalidatedAt: null, costMs: null, bytes: null };
  const { task, version } = row;
  return { key: hexOf(row.key), task, version, parts: {}, state: 'running', ...unknown, file: null, sealed: false };
}

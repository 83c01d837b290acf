import { readdir, readFile } from 'node:fs/promises';
import { HoldfastError } from '../definitions/errors.ts';
import type { Database, Transaction } from './database.ts';

/** One numbered step of a component's schema. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

export interface MigrateOptions {
  /** Whose schema it is, such as `ledger`: each component numbers its own. */
  readonly component: string;
  /** All that this version knows, in order. */
  readonly migrations: readonly Migration[];
}

const TABLE = `CREATE TABLE IF NOT EXISTS hf_migration (
  component TEXT NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  applied_at TEXT NOT NULL,
  PRIMARY KEY (component, id)
)`;

/**
 * Brings a component's schema up to date, all steps in one transaction: processes that start at once wait for each
 * other, and all but the first find nothing to do.
 *
 * Throws HF_SCHEMA_NEWER where a newer version was here.
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<void> {
  // Most starts find everything done: look without a lock on writers.
  const version = await database.read(async (tx) => ((await hasTable(tx)) ? await schemaVersion(tx, options) : 0));
  if (version === latest(options)) return;
  checkKnown(database, version, options);
  await database.write(async (tx) => {
    await tx.run(TABLE);
    const found = await schemaVersion(tx, options);
    checkKnown(database, found, options);
    for (const step of options.migrations) {
      if (step.id <= found) continue;
      await tx.runScript(step.sql);
      const row = [options.component, step.id, step.name, new Date().toISOString()];
      await tx.run('INSERT INTO hf_migration (component, id, name, applied_at) VALUES (?, ?, ?, ?)', row);
    }
  });
}

async function hasTable(tx: Transaction): Promise<boolean> {
  return (await tx.all("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'hf_migration'")).length > 0;
}

async function schemaVersion(tx: Transaction, { component }: MigrateOptions): Promise<number> {
  const [row] = await tx.all<{ id: number | null }>('SELECT max(id) AS id FROM hf_migration WHERE component = ?', [
    component,
  ]);
  return row?.id ?? 0;
}

function latest({ migrations }: MigrateOptions): number {
  return migrations.at(-1)?.id ?? 0;
}

function checkKnown(database: Database, found: number, options: MigrateOptions): void {
  const known = latest(options);
  if (found > known) throw new HoldfastError('HF_SCHEMA_NEWER', { database: database.url, found, known });
}

/**
 * Reads a component's migrations, files such as `0001-chunks.sql`, in order.
 *
 * @example
 * const migrations = await loadMigrations(new URL('./migrations/sqlite/', import.meta.url));
 */
export async function loadMigrations(directory: URL): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const match = /^(\d{4})-(.+)\.sql$/.exec(file);
      if (match === null || Number(match[1]) !== index + 1) {
        throw new Error(`Migration ${file} in ${directory.href}: files are numbered without a gap, from 0001-name.sql`);
      }
      return { id: index + 1, name: String(match[2]), sql: await readFile(new URL(file, directory), 'utf8') };
    }),
  );
}

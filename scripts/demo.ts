// `npm run demo`: the job of examples/nearest-airport/ with live progress, then a few of its rows.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

const holdfast = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url));
const job = 'examples/nearest-airport/job.ts';
const database = 'nearest-airport.db';
const zips = ['04609', '10001', '60601', '94103', '96740'];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const before = countRows();
const child = spawn(process.execPath, [holdfast, 'run', job, ...process.argv.slice(2)], { stdio: 'inherit' });
console.log(`$ holdfast run ${job}`);
if (before > 0) console.log(`${before.toLocaleString('en')} rows are in ${database} already.`);
console.log(
  `Kill it whenever you like: Ctrl-C here, or kill -9 ${child.pid} in another terminal. Then npm run demo continues.`,
);
// Ctrl-C reaches both; what is to be said then, the job says.
process.on('SIGINT', () => undefined);
child.once('exit', (code, signal) => {
  if (code === 0) showRows();
  else if (signal !== null)
    console.log(`\nKilled (${signal}). ${countRows().toLocaleString('en')} rows are in ${database}.`);
  if (code !== 0) console.log('Run npm run demo again: it continues, and computes only what is missing.');
  process.exitCode = code ?? 1;
});

function showRows(): void {
  using open = new DatabaseSync(database, { readOnly: true });
  const select = open.prepare('SELECT zip, city, state, iata, airport, km FROM nearest_airport WHERE zip = ?');
  const rows = zips.map((zip) => select.get(zip)).filter((row) => row !== undefined);
  const texts = rows.map((row) => [
    String(row['zip']),
    `${row['city']}, ${row['state']}`,
    String(row['iata']),
    String(row['airport']),
    `${Number(row['km']).toFixed(1)} km`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...texts.map((text) => (text[column] ?? '').length)));
  const line = (text: readonly string[]) =>
    text.map((cell, at) => (at === 4 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  ');
  console.log(`\n${texts.map((text) => `  ${line(text)}`).join('\n')}`);
  console.log(`\n${countRows().toLocaleString('en')} rows are in ${database}, table nearest_airport.`);
  console.log('Every item anew: npm run demo -- --again. Kill that in the middle (Ctrl-C, or kill -9), then run');
  console.log('npm run demo: it continues, and computes only what is missing.');
}

function countRows(): number {
  if (!existsSync(database)) return 0;
  using open = new DatabaseSync(database, { readOnly: true });
  try {
    return Number(open.prepare('SELECT count(*) AS n FROM nearest_airport').get()?.['n']);
  } catch {
    // Killed before its first commit: there is no table yet.
    return 0;
  }
}

import type { EntryView, Explanation, MissReason, PartChange, TaskStats } from '../memoization/entries.ts';
import { count, cut, duration, size, time } from './format.ts';
import { KEY_DIGITS_SHOWN } from './memo-store.ts';

/** The name of the only part of a key's value that has no parts. */
const WHOLE = '$';
const PART_CHARS_MAX = 60;

/** Entries that may be taken. */
export function validEntries({ entries, expired, invalidated }: TaskStats): number {
  return entries - expired - invalidated;
}

/** The parts of a key's value in one line. */
export function inputLine(parts: EntryView['parts'], charsMax: number): string {
  const texts = Object.entries(parts).map(([name, text]) => (name === WHOLE ? text : `${name}=${text}`));
  return cut(texts.join(' '), charsMax);
}

/** An entry as lines for people. */
export function describeEntry(entry: EntryView, now: number): readonly string[] {
  const { key, task, version, parts, state } = entry;
  const rows: (readonly [string, string])[] = [
    ['task', `${task} (version ${version})`],
    ['state', describeState(entry)],
    ...describeMaking(entry, now),
  ];
  const names = Object.keys(parts);
  if (names.length === 1 && names[0] === WHOLE) rows.push(['input', cut(parts[WHOLE] ?? '', 200)]);
  else if (names.length > 0) {
    const width = Math.min(24, Math.max(...names.map((name) => name.length)));
    for (const [index, [name, text]] of Object.entries(parts).entries())
      rows.push([index === 0 ? 'input' : '', `${name.padEnd(width)} ${cut(text, 200)}`]);
  }
  return [`${key}: ${state}`, ...rowLines(rows)];
}

/** What computing took, where less than a millisecond is not nothing. */
export function cost(ms: number): string {
  return ms > 0 && ms < 1 ? 'under 1 ms' : duration(ms);
}

export function rowLines(rows: readonly (readonly [string, string])[]): readonly string[] {
  return rows.map(([head, text]) => `  ${head.padEnd(8)} ${text}`);
}

function describeState({ state, expiresAt, invalidatedAt, sealed, file }: EntryView): string {
  switch (state) {
    case 'valid':
      return `valid: it is taken for the same input${sealed ? ' (encrypted by a payload codec)' : ''}`;
    case 'expired':
      return `expired at ${when(expiresAt)}: the next call computes anew`;
    case 'invalidated':
      return `invalidated at ${when(invalidatedAt)}: the next call computes anew`;
    case 'damaged':
      return `damaged: ${file ?? 'the stored result'} is missing or not what was written; the next call computes anew`;
    case 'running':
      return 'being computed now';
  }
}

function describeMaking(
  { madeAt, madeBy, expiresAt, costMs, bytes, file, state }: EntryView,
  now: number,
): readonly (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [];
  if (madeAt !== null) {
    const ago = now - madeAt >= 0 ? `, ${duration(now - madeAt)} ago` : '';
    rows.push(['made', `${time(madeAt)}${ago}${madeBy === null ? '' : `, by ${madeBy}`}`]);
  }
  if (costMs !== null) rows.push(['saves', `${cost(costMs)} each time it is taken`]);
  if (madeAt !== null && state !== 'expired')
    rows.push([
      'expires',
      expiresAt === null ? 'never' : `${time(expiresAt)}${expiresAt > now ? `, in ${duration(expiresAt - now)}` : ''}`,
    ]);
  if (bytes !== null) rows.push(['size', `${size(bytes)}, in ${file ?? 'the store'}`]);
  return rows;
}

function when(ms: number | null): string {
  return ms === null ? 'an unknown time' : time(ms);
}

/** What a call with the explained input would do, as lines for people. */
export function describeExplanation(
  explanation: Explanation,
  { task, version, now }: { readonly task: string; readonly version: string; readonly now: number },
): readonly string[] {
  const { key } = explanation;
  if (explanation.kind === 'hit') {
    const { entry } = explanation;
    return [
      `hit: task ${task} (version ${version}) has a result for this input`,
      ...rowLines([
        ['key', key],
        ...describeMaking(entry, now),
        ['see', `holdfast memo show ${key.slice(0, KEY_DIGITS_SHOWN)}`],
      ]),
    ];
  }
  const { reason } = explanation;
  const more = reason.kind === 'part' ? describeChanges(reason.changes, reason.nearest) : [];
  return [
    `miss: task ${task} (version ${version}) has no result to take for this input`,
    ...rowLines([['key', key], ['reason', describeReason(reason)], ...more]),
  ];
}

/** Why there is no result to take, in a few words. */
export function describeReason(reason: MissReason): string {
  switch (reason.kind) {
    case 'never':
      return 'never computed';
    case 'expired':
      return `expired at ${time(reason.at)}`;
    case 'version':
      return `version ${reason.from} → ${reason.to}: there is a result of version ${reason.from}`;
    case 'part':
      return 'no result for this input; the nearest stored one differs in';
    case 'invalidated':
      return `invalidated at ${time(reason.at)}`;
    case 'damaged':
      return `the stored result is damaged${reason.file === null ? '' : `: ${reason.file} is missing or not what was written`}`;
    case 'running':
      return 'it is being computed now: a call waits for that result';
  }
}

function describeChanges(changes: readonly PartChange[], nearest: string): readonly (readonly [string, string])[] {
  const names = changes.map(({ part }) => (part === WHOLE ? 'the input' : part));
  const width = Math.min(24, Math.max(0, ...names.map((name) => name.length)));
  const rows = changes.map(({ from, to }, index): readonly [string, string] => [
    '',
    `  ${String(names[index]).padEnd(width)}  ${describeChange(from, to)}`,
  ]);
  return [...rows, ['see', `holdfast memo show ${nearest.slice(0, KEY_DIGITS_SHOWN)}`]];
}

function describeChange(from: string | null, to: string | null): string {
  if (from === null) return `was not there, is ${cut(to ?? '', PART_CHARS_MAX)}`;
  if (to === null) return `was ${cut(from, PART_CHARS_MAX)}, is not there`;
  return `from ${cut(from, PART_CHARS_MAX)} to ${cut(to, PART_CHARS_MAX)}`;
}

/** Rows of the table of `memo stats`, its head first. */
export function statsTable(stats: readonly TaskStats[]): readonly (readonly string[])[] {
  const head = [
    'TASK',
    'VERSION',
    'ENTRIES',
    'VALID',
    'EXPIRED',
    'INVALIDATED',
    'RUNNING',
    'SIZE',
    'SAVES',
    'OLDEST',
    'NEWEST',
  ];
  const rows = stats.map((each) => [
    each.task,
    each.version,
    count(each.entries),
    count(validEntries(each)),
    count(each.expired),
    count(each.invalidated),
    count(each.running),
    size(each.bytes),
    validEntries(each) === 0 ? '-' : cost(each.costMs),
    each.oldestAt === null ? '-' : time(each.oldestAt),
    each.newestAt === null ? '-' : time(each.newestAt),
  ]);
  return [head, ...rows];
}

/** Rows of the table of `memo ls`, its head first. */
export function entriesTable(entries: readonly EntryView[]): readonly (readonly string[])[] {
  const head = ['KEY', 'TASK', 'VERSION', 'STATE', 'MADE', 'BY', 'COST', 'SIZE', 'INPUT'];
  const rows = entries.map((entry) => [
    entry.key.slice(0, KEY_DIGITS_SHOWN),
    entry.task,
    entry.version,
    entry.state,
    entry.madeAt === null ? '-' : time(entry.madeAt),
    entry.madeBy === null ? '-' : cut(entry.madeBy, 32),
    entry.costMs === null ? '-' : cost(entry.costMs),
    entry.bytes === null ? '-' : size(entry.bytes),
    // Of what is being computed only the key's hash is known.
    inputLine(entry.parts, 48) || '-',
  ]);
  return [head, ...rows];
}

import { describe, expect, test } from '@jest/globals';
import { cut, size, time } from '../../../cli/format.ts';
import { describeEntry, describeExplanation, entriesTable, inputLine, statsTable } from '../../../cli/memo-text.ts';
import type { EntryView, MissReason } from '../../../memoization/entries.ts';

const key = 'ab12'.repeat(16);
const at = Date.UTC(2026, 10, 21, 12, 0, 0);
const entry: EntryView = {
  key,
  task: 'locate',
  version: '1',
  parts: { street: '"Long Lane 1"', town: '"Bonn"' },
  state: 'valid',
  madeAt: at,
  madeBy: 'job enrich-orders',
  expiresAt: at + 86_400_000,
  invalidatedAt: null,
  costMs: 1_234,
  bytes: 312,
  file: null,
  sealed: false,
};
const now = at + 3_600_000;
const text = (lines: readonly string[]) => lines.join('\n');

describe('sizes and cuts', () => {
  test('bytes are said by thousands, and never as 1,000 of a unit', () => {
    expect([0, 1, 999, 1_000, 9_949, 12_345, 999_499, 999_500, 1_500_000, 2.5e12].map(size)).toEqual([
      '0 bytes',
      '1 byte',
      '999 bytes',
      '1.0 kB',
      '9.9 kB',
      '12 kB',
      '999 kB',
      '1.0 MB',
      '1.5 MB',
      '2.5 TB',
    ]);
  });

  test('a long text is cut to one line', () => {
    expect(cut('a\n b', 10)).toBe('a b');
    expect(cut('0123456789', 5)).toBe('0123…');
  });
});

describe('an entry', () => {
  test('is told with its key, parts, when and by whom, its end, size and what it saves', () => {
    expect(text(describeEntry(entry, now))).toBe(`${key}: valid
  task     locate (version 1)
  state    valid: it is taken for the same input
  made     ${time(at)}, 60 min ago, by job enrich-orders
  saves    1.2 s each time it is taken
  expires  ${time(at + 86_400_000)}, in 23 h
  size     312 bytes, in the store
  input    street "Long Lane 1"
           town   "Bonn"`);
  });

  test('that is over says why it is not taken', () => {
    const said = (change: Partial<EntryView>) => text(describeEntry({ ...entry, ...change }, now));
    expect(said({ state: 'expired', expiresAt: at })).toContain(`expired at ${time(at)}: the next call computes anew`);
    expect(said({ state: 'expired', expiresAt: at })).not.toContain('expires ');
    expect(said({ state: 'invalidated', invalidatedAt: at })).toContain(`invalidated at ${time(at)}`);
    expect(said({ state: 'damaged', file: '/r/ab' })).toContain('damaged: /r/ab is missing or not what was written');
    const running = { madeAt: null, madeBy: null, expiresAt: null, costMs: null, bytes: null };
    const line = said({ state: 'running', ...running });
    expect(line).toContain('being computed now');
    expect(line).not.toMatch(/made|saves|size|null/);
  });

  test('of an input without parts shows the input itself', () => {
    expect(text(describeEntry({ ...entry, parts: { $: '"x"' } }, now))).toContain('  input    "x"');
    expect(inputLine({ $: '12' }, 20)).toBe('12');
    expect(inputLine(entry.parts, 20)).toBe('street="Long Lane 1…');
  });

  test('in a list is one row; a running one has dashes', () => {
    const [head, row, running] = entriesTable([
      entry,
      { ...entry, state: 'running', parts: {}, madeAt: null, madeBy: null, costMs: null, bytes: null },
    ]);
    expect(head).toHaveLength(row?.length ?? 0);
    expect(row?.slice(0, 4)).toEqual([key.slice(0, 12), 'locate', '1', 'valid']);
    expect(running?.slice(4)).toEqual(['-', '-', '-', '-', '-']);
  });
});

test('statistics count what is left as valid, whatever is being computed beside it; where nothing is, nothing is saved', () => {
  const stats = { task: 'locate', version: '1', entries: 10, expired: 3, invalidated: 2, running: 1 };
  const more = { bytes: 2_000, costMs: 61_000, oldestAt: at, newestAt: null };
  const [, row, over] = statsTable([
    { ...stats, ...more },
    { ...stats, ...more, expired: 8, costMs: 0 },
  ]);
  expect(row).toEqual(['locate', '1', '10', '5', '3', '2', '1', '2.0 kB', '1 min 1 s', time(at), '-']);
  expect(over?.slice(2, 9)).toEqual(['10', '0', '8', '2', '1', '2.0 kB', '-']);
});

describe('an explanation', () => {
  const said = (reason: MissReason) =>
    text(describeExplanation({ kind: 'miss', key, reason }, { task: 'locate', version: '2', now }));

  test('of a hit says since when, by which job, and what it saves', () => {
    const hit = text(describeExplanation({ kind: 'hit', key, entry }, { task: 'locate', version: '1', now }));
    expect(hit).toBe(`hit: task locate (version 1) has a result for this input
  key      ${key}
  made     ${time(at)}, 60 min ago, by job enrich-orders
  saves    1.2 s each time it is taken
  expires  ${time(at + 86_400_000)}, in 23 h
  size     312 bytes, in the store
  see      holdfast memo show ${key.slice(0, 12)}`);
  });

  test.each<[MissReason, string]>([
    [{ kind: 'never' }, 'never computed'],
    [{ kind: 'expired', at }, `expired at ${time(at)}`],
    [{ kind: 'version', from: '1', to: '2' }, 'version 1 → 2: there is a result of version 1'],
    [{ kind: 'invalidated', at }, `invalidated at ${time(at)}`],
    [{ kind: 'damaged', file: '/r/ab' }, 'the stored result is damaged: /r/ab is missing or not what was written'],
    [{ kind: 'damaged', file: null }, 'the stored result is damaged'],
    [{ kind: 'running' }, 'it is being computed now: a call waits for that result'],
  ])('of a miss says the reason: %j', (reason, words) => {
    const lines = said(reason).split('\n');
    expect(lines[0]).toBe('miss: task locate (version 2) has no result to take for this input');
    expect(lines.at(-1)).toBe(`  reason   ${words}`);
  });

  test('of a changed input names each part that differs, from what to what', () => {
    const nearest = 'cd'.repeat(32);
    const changes = [
      { part: 'town', from: '"Bonn"', to: '"Köln"' },
      { part: 'street', from: null, to: '"Long Lane"' },
      { part: 'zip', from: '1', to: null },
    ];
    expect(
      said({ kind: 'part', changes, nearest }).split('\n').slice(2).join('\n'),
    ).toBe(`  reason   no result for this input; the nearest stored one differs in
             town    from "Bonn" to "Köln"
             street  was not there, is "Long Lane"
             zip     was 1, is not there
  see      holdfast memo show cdcdcdcdcdcd`);
    const whole = said({ kind: 'part', changes: [{ part: '$', from: '1', to: '2' }], nearest });
    expect(whole).toContain('  the input  from 1 to 2');
  });
});

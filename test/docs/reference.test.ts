import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { nothingDone, unopenedSummary } from '../../client/summary.ts';
import { durationMs } from '../../definitions/duration.ts';
import { DEFAULTS } from '../../definitions/limits.ts';
import { decodeValue, encodeValue } from '../../definitions/values.ts';
import { referencePages } from '../../scripts/write-reference.ts';
import { trackedFiles } from '../tidy/tracked-files.ts';

const page = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const firstCells = (text: string) =>
  [...text.matchAll(/^\| ([^|]+) \|/gm)].flatMap((match) =>
    [...(match[1] ?? '').matchAll(/`([^`]+)`/g)].map((code) => code[1] ?? ''),
  );

describe('the generated pages of the reference', () => {
  for (const [path, text] of Object.entries(referencePages())) {
    test(`${path} is as \`node scripts/write-reference.ts\` writes it`, () => {
      expect(page(path)).toBe(text);
    });
  }

  test('every limit says what it is', () => {
    const bare = page('docs/reference/defaults.md')
      .split('\n')
      .filter((line) => /^\| `\w+` \|.*\|\s*\|$/.test(line));
    expect(bare).toEqual([]);
  });

  test('every option says what it is', () => {
    const bare = page('docs/reference/options.md')
      .split('\n')
      .filter((line) => /^\| `.*\|\s+\|$/.test(line));
    expect(bare).toEqual([]);
  });
});

describe('defaults in doc comments', () => {
  const text = page('docs/reference/options.md');
  const documented = (option: string) => {
    const found = [...text.matchAll(new RegExp(`^\\| \`${option}\` \\|.*?(?<!\\\\)\\| (.*?) \\|`, 'gm'))].map(
      (match) => match[1],
    );
    return [...new Set(found)];
  };

  test('are those that apply', () => {
    expect(documented('concurrency')).toEqual([String(DEFAULTS.concurrency)]);
    expect(documented('tolerate')).toEqual([`'${DEFAULTS.tolerate}'`]);
    expect(documented('itemBytesMax')).toEqual([DEFAULTS.itemBytesMax.toLocaleString('en-US')]);
    expect(documented('maxWaiting')).toEqual([DEFAULTS.maxWaiting.toLocaleString('en-US')]);
    expect(documented('batchSize')).toEqual([String(DEFAULTS.batchSize)]);
    expect(documented('jitter')).toEqual([String(DEFAULTS.jitter)]);
    expect(documented('attempts').slice(0, 1)).toEqual([expect.stringMatching(new RegExp(`^${DEFAULTS.attempts}; `))]);
    expect(documented('backoff')).toEqual([
      `${DEFAULTS.backoffFirstMs / 1000}s, ${DEFAULTS.backoffFactor}, ${DEFAULTS.backoffMaxMs / 1000}s`,
    ]);
    expect(documented('retry')).toEqual([
      `${DEFAULTS.attempts} attempts, ${DEFAULTS.backoffFirstMs / 1000}s doubling up to ${DEFAULTS.backoffMaxMs / 1000}s, jitter ${DEFAULTS.jitter}`,
    ]);
  });

  test('of durations are those that apply', () => {
    const ms = (option: string) => documented(option).map((value) => durationMs(value?.replaceAll("'", '')));
    expect(ms('timeout')).toEqual([DEFAULTS.itemTimeoutMs]);
    expect(ms('transactionTimeout')).toEqual([DEFAULTS.transactionTimeoutMs]);
    expect(ms('shutdownGrace')).toEqual([DEFAULTS.shutdownGraceMs]);
  });
});

describe('what pages written by hand list', () => {
  test('output.md names every field of a summary, and no other', () => {
    const summary = nothingDone(unopenedSummary({ jobId: 'a', job: 'a', elapsedMs: 0 }));
    const fields = Object.entries(summary).flatMap(([name, value]) =>
      typeof value === 'object' && value !== null ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name],
    );
    const table = page('docs/reference/output.md').split('## The summary')[1]?.split('\n## ')[0] ?? '';
    expect(firstCells(table).toSorted()).toEqual(fields.toSorted());
  });

  test('output.md says of every command what it prints with --json', () => {
    const commands = [...page('docs/reference/commands.md').matchAll(/^## holdfast ((?:server |memo )?\w+)/gm)].map(
      (match) => match[1] ?? '',
    );
    expect(commands.length).toBeGreaterThan(10);
    const text = page('docs/reference/output.md');
    expect(commands.filter((command) => !text.includes(`\`${command}\``))).toEqual([]);
  });

  test('output.md names every reason of a failure', () => {
    const reasons = /type ItemReason =([^;]+);/.exec(page('ledger/rows.ts'))?.[1]?.match(/[\w-]+/g) ?? [];
    expect(reasons.length).toBeGreaterThan(3);
    expect(reasons.filter((reason) => !page('docs/reference/output.md').includes(`\`${reason}\``))).toEqual([]);
  });

  test('environment.md names every variable of ours that the code reads, and no other', () => {
    const rooms = /^(cli|client|worker|server|ledger|activities|database|testing|drill)\/.*\.ts$/;
    const read = trackedFiles(rooms).flatMap(({ text }) =>
      [...text.matchAll(/env\??\.(HOLDFAST_\w+)|(?:variable: |env\[)'(HOLDFAST_\w+)'/g)].map(
        (match) => match[1] ?? match[2] ?? '',
      ),
    );
    const listed = firstCells(page('docs/reference/environment.md')).filter((name) => name.startsWith('HOLDFAST_'));
    expect(listed.toSorted()).toEqual([...new Set(read)].toSorted());
  });

  test('values.md shows values as they are encoded', () => {
    const rows = [...page('docs/reference/values.md').matchAll(/^\| `(.+)` \| `(.+)` \|$/gm)];
    expect(rows.length).toBeGreaterThan(5);
    for (const [, expression, text] of rows) {
      const value: unknown = new Function(`return (${expression})`)();
      expect(encodeValue(value)).toBe(text);
      expect(encodeValue(decodeValue(String(text)))).toBe(text);
    }
  });

  test('sources-and-sinks.md names every source and sink that is exported', () => {
    const exported = [...page('index.ts').matchAll(/from '\.\/(sources|sinks)\/([\w-]+)\.ts'/g)].map(
      (match) => match[2] ?? '',
    );
    const camel = (file: string) => file.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const missing = exported
      .filter((file) => file !== 'recorded-transactions')
      .filter(
        (file) => !new RegExp(`^\\| \`${camel(file)}[<(]`, 'm').test(page('docs/reference/sources-and-sinks.md')),
      );
    expect(missing).toEqual([]);
  });
});

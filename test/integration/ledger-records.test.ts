import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defineJob, items, jsonl, sqlTransaction } from '../../index.ts';
import { Chance, inSmallChunks, LedgerWorld } from './ledger-world.ts';

interface Order {
  readonly id: string;
}

let world: LedgerWorld;
let strict: boolean;
/** What a source made by code gives; null: the file is the source. */
let page: readonly Order[] | null;

beforeEach(() => {
  strict = true;
  page = null;
  world = new LedgerWorld(new Chance(1), () =>
    defineJob({
      name: 'job',
      source: () => (page ? items(() => page ?? []) : inSmallChunks<Order>(jsonl<Order>('in.jsonl'), 2)),
      schema: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value: unknown) =>
            strict && 'odd' in (value as object) ? { issues: [{ message: 'odd' }] } : { value: value as Order },
        },
      },
      key: (order: Order) => order.id,
      tolerate: { failures: 100 },
      run: async (_, ctx) => ctx.idempotencyKey,
    }).to(
      sqlTransaction('sqlite:out.db', async (tx, outcomes) => {
        await tx.run('CREATE TABLE IF NOT EXISTS effect (key TEXT, ran TEXT)');
        for (const { key, result } of outcomes) await tx.run('INSERT INTO effect VALUES (?, ?)', [key, result]);
      }),
    ),
  );
});

afterEach(() => world.end());

const file = () => join(world.directory, 'in.jsonl');
const write = (...lines: readonly string[]) => writeFileSync(file(), lines.join(''));
const order = (id: string) => `${JSON.stringify({ id })}\n`;

async function landed(): Promise<string[]> {
  const rows = await world.query<{ key: string; ran: string }>('SELECT key, ran FROM effect ORDER BY key');
  for (const { key, ran } of rows) expect(ran).toBe(`job/1/${key}`);
  return rows.map((row) => row.key);
}

async function ended() {
  const end = await world.run();
  if (end.kind !== 'ended') throw new Error(`the run ${end.kind}`);
  return end.result.state;
}

describe('a record that has no key', () => {
  test('is no longer quarantined once its line is mended', async () => {
    write(order('a'), '{"id":"b"\n', order('c'));
    expect(await ended()).toBe('partial');
    write(order('a'), order('b'), order('c'));
    expect(await ended()).toBe('complete');
    expect(await landed()).toEqual(['a', 'b', 'c']);
  });

  test('stays quarantined when it stood last without a line end, and more comes behind it', async () => {
    write(order('a'), '{"id":"b"');
    expect(await ended()).toBe('partial');
    appendFileSync(file(), `\n${order('c')}`);
    expect(await ended()).toBe('partial');
    expect((await world.look()).counts).toMatchObject({ read: 3, applied: 2, quarantined: 1 });
  });

  test('runs under its own key when it is sent through again', async () => {
    write('{"id":"a","odd":1}\n', order('b'));
    expect(await ended()).toBe('partial');
    strict = false;
    await world.redrive();
    expect(await ended()).toBe('complete');
    expect(await landed()).toEqual(['a', 'b']);
  });

  test('does not land beside another of its key when it is sent through again', async () => {
    write('{"id":"a","odd":1}\n', order('a'));
    expect(await ended()).toBe('partial');
    strict = false;
    await world.redrive();
    expect(await ended()).toBe('partial');
    expect(await landed()).toEqual(['a']);
    expect((await world.look()).items).toMatchObject([{ reason: 'duplicate', key: 'a' }]);
  });

  test('is no obstacle when the schema is mended between a kill and the next start', async () => {
    write('{"id":"a","odd":1}\n', order('b'), '{"id":"c","odd":1}\n');
    expect(await world.run({ dieAt: 'after-claim' })).toEqual({ kind: 'died' });
    strict = false;
    expect(await ended()).toBe('complete');
    expect(await landed()).toEqual(['a', 'b', 'c']);
  });
});

test('a key whose first record was given up with its chunk runs where it stands in the new file', async () => {
  write(order('a'), order('a'));
  expect(await world.run({ dieAt: 'after-claim' })).toEqual({ kind: 'died' });
  write(order('b'), order('a'), order('c'));
  expect(await ended()).toBe('partial');
  expect(await landed()).toEqual(['a', 'b', 'c']);
});

test('an unterminated last line that was planned, and read whole by the next chunk, lands once', async () => {
  write(order('a'), order('b'), order('c').trimEnd());
  expect(await world.run({ dieAt: 'before-read' })).toEqual({ kind: 'died' });
  appendFileSync(file(), `\n${order('d')}`);
  expect(await ended()).toBe('complete');
  expect(await landed()).toEqual(['a', 'b', 'c', 'd']);
});

test('a key that comes again in a page that shifted between a kill and the next start lands once', async () => {
  page = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
  expect(await world.run({ dieAt: 'after-claim' })).toEqual({ kind: 'died' });
  page = [{ id: 'a' }, { id: 'a' }, { id: 'b' }];
  expect(await ended()).toBe('partial');
  expect(await landed()).toEqual(['a', 'b']);
});

test('a limit counts a last line that is read again once', async () => {
  write(order('a'), order('b').trimEnd());
  expect((await world.run({ limit: 3 })).kind).toBe('ended');
  appendFileSync(file(), `\n${order('c')}${order('d')}`);
  expect((await world.run({ limit: 3 })).kind).toBe('ended');
  expect(await landed()).toEqual(['a', 'b', 'c']);
});

import { appendFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CrashServer } from './crash-server.ts';
import { type CrashItem, SOURCE } from './jobs.ts';
import { expectComplete, expectContiguous, expectOnce } from './oracle.ts';
import { asLines, numbered } from './site.ts';

let crash: CrashServer;
beforeAll(async () => {
  crash = await CrashServer.start();
});
afterEach(() => crash.endSites());
afterAll(() => crash.end());

const SLOW = { callMs: 20, concurrency: 10 };
/** The last chunk is read only when the others are nearly done. */
const LATE = { callMs: 20, concurrency: 30 };
const keysOf = (items: readonly CrashItem[]) => items.map((item) => item.id);

describe('the source changes under a running job', () => {
  test('appended to while it is planned: the new records are read too, once', async () => {
    const site = crash.site({ callMs: 1, concurrency: 50 }, numbered(14_000));
    site.spawn();
    await site.start();
    await site.untilEffects(200);
    site.append(numbered(14_300).slice(14_000));
    await site.result();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, keysOf(numbered(14_300)));
    expectContiguous(site);
  });

  test('replaced when all of it is planned: read again from its start, same key is landed', async () => {
    const site = crash.site(LATE, numbered(3_000));
    site.spawn();
    await site.start();
    await site.untilEffects(120);
    // Every byte is another one; half of the keys are new.
    const next = numbered(3_000).map((item, i) => (i % 2 ? { id: `new${i}` } : { ...item, slowly: 1 }));
    site.replaceSource(next);
    expect(await site.result()).toMatchObject({ state: 'complete' });
    const landedBefore = site.query<{ key: string }>('SELECT key FROM effect').map((row) => row.key);
    expectOnce(site, new Set([...keysOf(next), ...landedBefore]));
    expectComplete(site, {});
  });

  test('rewritten in place with the same size and time: still noticed, nothing is read askew', async () => {
    const site = crash.site(LATE, numbered(3_000));
    site.spawn();
    await site.start();
    await site.untilEffects(120);
    const next = numbered(3_000).map((item) => ({ id: item.id.replace('k', 'j') }));
    site.rewriteUnseen(asLines(next));
    expect(await site.result()).toMatchObject({ state: 'complete' });
    const keys = site.query<{ key: string }>('SELECT key FROM effect').map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
    const landed = new Set(keys);
    expect(keysOf(next).filter((key) => !landed.has(key))).toEqual([]);
    expectComplete(site, {});
  });

  test('replaced between two runs while the worker is dead: the rest is matched by key', async () => {
    const site = crash.site(SLOW, numbered(700));
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(200);
    await worker.kill();
    const landed = site.effects();
    site.replaceSource([{ id: 'first' }, ...numbered(700)]);
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expect(landed).toBeGreaterThanOrEqual(200);
    expectOnce(site, ['first', ...keysOf(numbered(700))]);
    expectComplete(site, { applied: 701 });
  });
});

describe('a file that is still being written', () => {
  test('an unterminated last line is taken, and known when it comes again complete', async () => {
    const site = crash.site({ callMs: 0 }, numbered(5));
    appendFileSync(site.file(SOURCE), '{"id":"last"}');
    site.spawn();
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    appendFileSync(site.file(SOURCE), '\n{"id":"behind"}\n');
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, [...keysOf(numbered(5)), 'last', 'behind']);
    expectComplete(site, { read: 7, applied: 7 });
  });

  test('a last line cut in the middle is read right by a later run', async () => {
    const site = crash.site({ callMs: 0, tolerate: '50%' }, numbered(5));
    appendFileSync(site.file(SOURCE), '{"id":"la');
    site.spawn();
    await site.start();
    await site.result();
    appendFileSync(site.file(SOURCE), 'st"}\n');
    await site.start();
    expect(await site.result()).toMatchObject({ state: 'complete', generation: 1 });
    expectOnce(site, [...keysOf(numbered(5)), 'last']);
    expectComplete(site, { read: 6, applied: 6, quarantined: 0 });
  });
});

describe('keys', () => {
  test('a key that comes twice, in one chunk and in another: the first lands, the others are quarantined', async () => {
    const items = [...numbered(250), { id: 'k3' }, ...numbered(10).slice(9), { id: 'new' }, { id: 'new' }];
    const site = crash.site({ callMs: 1 }, items);
    const worker = site.spawn({ HOLDFAST_KILL_AT: 'after-claim:2' });
    await site.start();
    await worker.died();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'partial' });
    expectOnce(site, [...keysOf(numbered(250)), 'new']);
    expectComplete(site, { read: 254, applied: 251, quarantined: 3 });
  });

  test("a key that comes twice under onDuplicateKey 'first': left out and counted as known", async () => {
    const items = [...numbered(250), { id: 'k3' }, { id: 'new' }, { id: 'new' }];
    const site = crash.site({ callMs: 1, onDuplicateKey: 'first' }, items);
    const worker = site.spawn({ HOLDFAST_KILL_AT: 'after-claim:2' });
    await site.start();
    await worker.died();
    site.spawn();
    expect(await site.result()).toMatchObject({ state: 'complete' });
    expectOnce(site, [...keysOf(numbered(250)), 'new']);
    expectComplete(site, { read: 251, applied: 251, known: 2, quarantined: 0 });
  });

  test('a key function that gives another key each time fails the job with what to do, and doubles nothing', async () => {
    const site = crash.site({ ...SLOW, unstableKey: true }, numbered(300));
    const worker = site.spawn();
    await site.start();
    await site.untilEffects(50);
    await worker.kill();
    const effects = site.effects();
    site.spawn();
    const result = await site.result();
    expect(result).toMatchObject({ state: 'failed' });
    expect(result.error).toContain('HF_KEY_UNSTABLE');
    expect(site.effects() - effects).toBeLessThan(300 - 50);
  });
});

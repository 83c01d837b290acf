import { afterAll, beforeAll, expect } from '@jest/globals';
import { numbered, type Project, Site } from './harness.ts';

/** The site of the test file that called `useServedSite`. */
export let site: Site;
let prefix = '';
let made = 0;

/** A site for all tests of a file, with its server running from the start. Projects are named by the prefix and a number. */
export function useServedSite(name: string): void {
  prefix = name;
  beforeAll(async () => {
    site = new Site();
    expect((await site.start(['server', 'start']).ended).code).toBe(0);
  });
  afterAll(() => site.remove());
}

/** A project whose job has a name of its own. */
export function project(): Project {
  return site.project(`${prefix}-${++made}`);
}

/** With ten items, of which those from the given one on wait for the file `go`. */
export function holding(from: number): Project {
  const here = project();
  here.items(numbered(10, { hold: from }));
  here.job();
  return here;
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Project, Site } from './harness.ts';

/** Tasks as a user's file exports them; calling one would leave a mark. */
const TASKS = `import { writeFileSync } from 'node:fs';
import { defineTask } from 'holdfast';
const run = () => { writeFileSync('called', ''); return 1; };
const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) =>
  (typeof value === 'object' && value !== null && 'town' in value ? { value } : { issues: [{ message: 'town is missing' }] }) } };
export const locate = defineTask({ name: 'locate', version: VERSION, run, memoize: {} });
export const dated = defineTask({ name: 'dated', version: '1', run, memoize: {} });
export const checked = defineTask({ name: 'checked', schema, run, memoize: { refresh: true } });
export const keyed = defineTask({ name: 'keyed', run, memoize: {
  key: (input: { street: string; at: { town: string } }) => ({ street: input.street, town: input.at.town }) } });
export const plain = defineTask({ name: 'plain', run });
`;

/** A project with `tasks.ts`, whose task `locate` is of this version. */
export function projectWithTasks(site: Site, name: string, version = '1'): Project {
  const here = site.project(name);
  here.write('tasks.ts', TASKS.replace('VERSION', `'${version}'`));
  return here;
}

/** Files of large results. */
export function resultFiles({ home }: Site): readonly string[] {
  return readdirSync(join(home, 'results'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

import { shellWord } from './format.ts';
import type { StartCommandOptions } from './options.ts';

/** The `holdfast run` of these options as a shell takes it. */
export function runCommand({
  file,
  job,
  param = {},
  id,
  again = false,
  refresh = false,
  limit,
  local = false,
}: StartCommandOptions & { readonly file: string; readonly local?: boolean }): string {
  const words = ['holdfast run', shellWord(file)];
  if (job !== undefined) words.push('--job', shellWord(job));
  for (const [name, value] of Object.entries(param)) words.push('--param', shellWord(`${name}=${value}`));
  if (id !== undefined) words.push('--id', shellWord(id));
  if (again) words.push('--again');
  if (refresh) words.push('--refresh');
  if (limit !== undefined) words.push('--limit', String(limit));
  if (local) words.push('--local');
  return words.join(' ');
}

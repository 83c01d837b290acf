// Writes docs/reference/errors.md from the table of errors: `node scripts/write-error-docs.ts`.
import { writeFileSync } from 'node:fs';
import type { ErrorEntry } from '../definitions/error-message.ts';
import { ERRORS } from '../definitions/errors.ts';

/** What stands in histories beside the codes. */
export const FAILURE_TYPES = {
  HF_PROCESS_DIED: 'an attempt whose process is gone, given back by another one: it is made again',
  HF_PROCESS_LEAVES: 'an attempt of a worker that is told to stop, or could not open its store: it is made again',
  HF_UNEXPECTED: "what nobody foresaw, with its own message; of a job's activity it is final after 8 tries",
};

const intro = `# Errors

<!-- Written by scripts/write-error-docs.ts from definitions/errors.ts: do not edit. -->

Every error that Holdfast makes has a code, which stays the same from version to version; the wording may change. In a
program match it with \`isHoldfastError(error, 'HF_…')\`, never with \`instanceof\`: there may be two copies of the package in
a process. \`error.fields\` holds what stands in braces below.

*Wrong use* ends a command with exit code 2, a *failure* with 1. One that is *passing* may go well later with nothing
changed, so Holdfast tries again by itself where it can.

Three types of failures are no errors of a program's, and stand in Temporal's histories only:

| type | what |
|---|---|
${Object.entries(FAILURE_TYPES)
  .map(([type, what]) => `| \`${type}\` | ${what} |`)
  .join('\n')}
`;

/** The whole page. */
export function errorPage(): string {
  const entries = Object.entries<ErrorEntry>(ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  return [intro, ...entries.map(([code, entry]) => section(code, entry))].join('\n');
}

function section(code: string, { message, retryable, exitCode }: ErrorEntry): string {
  const kind = exitCode === 2 ? 'Wrong use' : retryable ? 'Passing failure' : 'Failure';
  return `## ${code}\n\n${kind}.\n\n\`\`\`text\n${message}\n\`\`\`\n`;
}

if (import.meta.main) writeFileSync(new URL('../docs/reference/errors.md', import.meta.url), errorPage());

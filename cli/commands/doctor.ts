import type { Command } from 'commander';
import type { Perform } from '../commands.ts';
import { withJson } from '../options.ts';

/** `holdfast doctor` */
export function addDoctor(program: Command, perform: Perform): void {
  withJson(
    program
      .command('doctor')
      .description('check Node, server, store, schema and versions, and say how to mend what is wrong'),
  ).action((options: { readonly json?: boolean }) =>
    perform(options.json === true, async (output) => {
      const { examine } = await import('../doctor.ts');
      const findings = await examine((line) => output.note(line));
      const ok = findings.every((finding) => finding.ok);
      output.document({ ok, findings });
      for (const { name, ok: good, found, mend } of findings) {
        output.line(`${good ? 'ok  ' : 'BAD '} ${name.padEnd(9)} ${found}`);
        if (mend !== null) output.line(`               ${mend}`);
      }
      return ok ? 0 : 1;
    }),
  );
}

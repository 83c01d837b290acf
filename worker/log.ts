import type { Log } from '../activities/dependencies.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** Lines on stderr, from the level that `HOLDFAST_LOG` names on. @default info */
export function standardLog(
  env: NodeJS.ProcessEnv,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  const least = Math.max(0, LEVELS.indexOf((env.HOLDFAST_LOG ?? 'info') as Level));
  const at =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LEVELS.indexOf(level) < least) return;
      const more = Object.entries(fields).map(
        ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      write(`${[`[${level}]`, message, ...more].join(' ')}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

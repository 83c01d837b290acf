import type { Log } from './dependencies.ts';

/** A log that writes these fields beside what it is given. */
export function logWith(log: Log, fields: Readonly<Record<string, unknown>>): Log {
  const add = (more?: Readonly<Record<string, unknown>>) => ({ ...fields, ...more });
  return {
    debug: (message, more) => log.debug(message, add(more)),
    info: (message, more) => log.info(message, add(more)),
    warn: (message, more) => log.warn(message, add(more)),
    error: (message, more) => log.error(message, add(more)),
  };
}

import { Runtime } from '@temporalio/worker';
import type { Log } from '../activities/dependencies.ts';

/** The logger of Temporal's `Runtime`, where a user's own worker writes. */
export function runtimeLog(): Log {
  const { logger } = Runtime.instance();
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    error: (message, fields) => logger.error(message, fields),
  };
}

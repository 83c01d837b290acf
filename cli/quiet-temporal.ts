import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Log } from '../activities/dependencies.ts';

/** Sends what Temporal's SDK says to our log: for this process is the command's, and its terminal has a progress bar. */
export function quietTemporal(log: Log): void {
  const level = process.env.HOLDFAST_LOG === 'debug' ? 'DEBUG' : 'WARN';
  const logger = new DefaultLogger(level, (entry) => {
    // An outage of the server is told once by the command itself, not by every poller.
    const write = level === 'DEBUG' ? log.debug : entry.level === 'ERROR' ? log.warn : log.debug;
    const error = entry.meta?.error;
    write(`temporal: ${entry.message}`, error === undefined ? {} : { error: String(error) });
  });
  Runtime.install({
    logger,
    // The command handles signals itself.
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: level === 'DEBUG' ? 'INFO' : 'ERROR' }), forward: {} },
    },
  });
}

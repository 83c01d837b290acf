import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { HoldfastError } from '../definitions/errors.ts';
import { runningAddress, SERVER_NAMESPACE } from '../server/running.ts';

/** Where Temporal is. What is left out comes from `TEMPORAL_…` variables and the profile in `temporal.toml`. */
export interface TemporalOptions {
  /** Host and port of Temporal. @default TEMPORAL_ADDRESS, else the profile's, else the embedded server's if it runs, else localhost:7233 */
  readonly address?: string;
  /** Temporal's namespace. @default TEMPORAL_NAMESPACE, else the profile's, else `default` */
  readonly namespace?: string;
  /** How inputs and results are converted on their way, such as encryption by payload codecs. @default Temporal's own */
  readonly dataConverter?: DataConverter;
}

export interface TemporalConfig {
  readonly connection: ReturnType<typeof loadClientConnectConfig>['connectionOptions'] & { readonly address: string };
  readonly namespace: string;
}

/** Connection settings for client and worker alike, by `@temporalio/envconfig`. */
export function temporalConfig(options: TemporalOptions = {}, env: NodeJS.ProcessEnv = process.env): TemporalConfig {
  const config = loadClientConnectConfig({ overrideEnvVars: definedVariables(env) });
  return {
    connection: {
      ...config.connectionOptions,
      address: options.address ?? config.connectionOptions.address ?? 'localhost:7233',
    },
    namespace: options.namespace ?? config.namespace ?? 'default',
  };
}

/** The same, where nothing is configured on the home's embedded server, if that runs. */
export async function findTemporal(
  options: TemporalOptions,
  home: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TemporalConfig> {
  const address = options.address === undefined && !isTemporalConfigured(env) ? await runningAddress(home) : null;
  if (address === null) return temporalConfig(options, env);
  return { connection: { address }, namespace: options.namespace ?? SERVER_NAMESPACE };
}

/** Whether a Temporal is configured, so that no embedded server is needed. */
export function isTemporalConfigured(env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.TEMPORAL_ADDRESS) return true;
  return loadClientConnectConfig({ overrideEnvVars: definedVariables(env) }).connectionOptions.address !== undefined;
}

function definedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What a failed connection is to a user. */
export function unreachable(address: string, cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError('HF_SERVER_UNREACHABLE', { address, reason }, { cause });
}

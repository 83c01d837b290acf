import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { isTemporalConfigured, temporalConfig } from '../client/connection.ts';
import { HoldfastClient } from '../client/index.ts';
import { openDatabase } from '../database/open-database.ts';
import { parseDatabaseUrl, withoutPassword } from '../database/url.ts';
import { isHoldfastError } from '../definitions/errors.ts';
import { openStore, storeUrl } from '../ledger/open-store.ts';
import { serverStatus } from '../server/embedded.ts';
import { findHome } from '../server/home.ts';
import { findProgram } from '../server/program.ts';

const NODE_NEEDED = [22, 18] as const;

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do about it; null where nothing is to be done. */
  readonly mend: string | null;
}

/** Looks at everything that a job needs to run here. */
export async function examine(say: (line: string) => void): Promise<readonly Finding[]> {
  const home = findHome();
  return [
    nodeFinding(process.versions.node),
    homeFinding(home),
    await storeFinding(home),
    await finding('program', () => programFinding(say)),
    await finding('temporal', temporalFinding),
    packagesFinding(),
  ];
}

async function finding(name: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, found: await look(), mend: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      name,
      ok: false,
      found: message,
      mend: isHoldfastError(error) ? `See ${error.code} in the reference of errors.` : null,
    };
  }
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
  return { name: 'node', ok, found: version, mend: ok ? null : `Install Node ${NODE_NEEDED.join('.')} or newer.` };
}

function homeFinding(home: string): Finding {
  const there = existsSync(home);
  let nearest = home;
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return { name: 'home', ok: true, found: `${home}${there ? '' : ' (made when it is needed)'}`, mend: null };
  } catch (error) {
    const mend = 'Give this user the right to write it, or set HOLDFAST_HOME to another directory.';
    return { name: 'home', ok: false, found: `${home}: ${(error as Error).message}`, mend };
  }
}

async function storeFinding(home: string): Promise<Finding> {
  const url = storeUrl(home, process.env);
  return finding('store', async () => {
    const directory = process.cwd();
    const { path } = parseDatabaseUrl(url, directory);
    if (!existsSync(path)) return `${withoutPassword(url)} (made when it is needed)`;
    const store = await openStore({ home, directory, url });
    await store.database.close();
    const database = await openDatabase(url, { directory, create: false });
    try {
      const rows = await database.read((tx) =>
        tx.all<{ component: string; id: number }>(
          'SELECT component, max(id) AS id FROM hf_migration GROUP BY component ORDER BY component',
        ),
      );
      return `${withoutPassword(url)} (schema ${rows.map(({ component, id }) => `${component} ${id}`).join(', ')})`;
    } finally {
      await database.close();
    }
  });
}

async function programFinding(say: (line: string) => void): Promise<string> {
  if (isTemporalConfigured()) return 'not needed: a Temporal is configured';
  const { path, how } = await findProgram('temporal', { say });
  return `${path} (${how})`;
}

async function temporalFinding(): Promise<string> {
  if (isTemporalConfigured()) {
    const { connection, namespace } = temporalConfig();
    const client = await HoldfastClient.connect();
    await client.close();
    return `${connection.address} (namespace ${namespace}) answers`;
  }
  const { running, address, pid, answering } = await serverStatus();
  if (!running) return 'the embedded server does not run (it is started when it is needed)';
  if (!answering)
    throw new Error(`the embedded server (process ${pid}) does not answer at ${address}: holdfast server stop ends it`);
  return `the embedded server answers at ${address} (process ${pid})`;
}

/** The packages of Temporal's SDK must be of one version, or they refuse each other at run time. */
function packagesFinding(): Finding {
  const require = createRequire(import.meta.url);
  const names = ['activity', 'client', 'common', 'worker', 'workflow'];
  const versions = names.map((name) => versionOf(require, `@temporalio/${name}`));
  const ok = new Set(versions).size === 1;
  const found = ok
    ? `Temporal SDK ${versions[0]}`
    : names.map((name, index) => `@temporalio/${name} ${versions[index]}`).join(', ');
  const mend = ok ? null : 'Install one version of all @temporalio packages: npm dedupe, or npm install them again.';
  return { name: 'packages', ok, found, mend };
}

function versionOf(require: NodeJS.Require, name: string): string {
  for (let at = dirname(require.resolve(name)); at !== dirname(at); at = dirname(at)) {
    const file = `${at}/package.json`;
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string; readonly version?: string };
    if (manifest.name === name) return String(manifest.version);
  }
  return 'unknown';
}

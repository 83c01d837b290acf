import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { tryLock } from '../database/file-lock.ts';
import type { Log } from '../activities/dependencies.ts';
import type { Store } from '../ledger/store.ts';
import { ownersDirectory } from '../ledger/owner-files.ts';
import { OWNER_SCHEMA } from './process-owner.ts';

interface TokenRow {
  readonly token: string;
  readonly address: string;
  readonly namespace: string;
}

export interface OrphanSweep {
  readonly home: string;
  readonly client: Client;
  readonly server: { readonly address: string; readonly namespace: string };
  readonly store: Store;
  readonly log: Log;
}

/**
 * Fails the activities of dead processes of this machine, so that their retries start at once instead of after the heartbeat
 * timeout. By task token: an older token fails nothing, where an activity id would hit a live retry. Returns how many.
 */
export async function failOrphans(sweep: OrphanSweep): Promise<number> {
  const directory = ownersDirectory(sweep.home);
  let failed = 0;
  for (const file of lockFiles(directory)) {
    const lock = tryLockSafely(join(directory, file));
    if (!lock) continue;
    let complete = false;
    try {
      lock.run(OWNER_SCHEMA);
      const rows = lock.all<TokenRow>('SELECT token, address, namespace FROM attempt');
      const here = rows.filter((row) => row.address === sweep.server.address && row.namespace === sweep.server.namespace);
      for (const row of here) if (await failOne(sweep.client, row.token)) failed++;
      await sweep.store.endLease(basename(file, '.lock'));
      complete = true;
    } catch (error) {
      // Kept for the next sweep: the server may be out of reach just now.
      sweep.log.debug('the attempts of a dead process could not be given back', { file, error: String(error) });
    } finally {
      lock.release({ remove: complete });
    }
  }
  if (failed > 0) sweep.log.info(`took over ${failed} attempts of processes that died`);
  return failed;
}

function lockFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => file.endsWith('.lock'));
  } catch {
    return [];
  }
}

/** Null for a living process, and for a file that is nobody's any more. */
function tryLockSafely(path: string): ReturnType<typeof tryLock> {
  try {
    return tryLock(path);
  } catch {
    return null;
  }
}

async function failOne(client: Client, token: string): Promise<boolean> {
  try {
    const failure = ApplicationFailure.create({
      type: 'HF_PROCESS_DIED',
      message: 'the process that ran it died',
      nextRetryDelay: '1ms',
      category: ApplicationFailureCategory.BENIGN,
    });
    await client.activity.fail(Buffer.from(token, 'base64'), failure);
    return true;
  } catch (error) {
    if (error instanceof ActivityNotFoundError) return false;
    throw error;
  }
}

import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ActivityNotFoundError, type Client, type FullActivityId } from '@temporalio/client';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { Log } from '../activities/dependencies.ts';
import { tryLock } from '../database/file-lock.ts';
import { ownersDirectory } from '../ledger/owner-files.ts';
import type { Store } from '../ledger/store.ts';
import { OWNER_SCHEMA } from './process-owner.ts';

/** PENDING_ACTIVITY_STATE_STARTED of Temporal's API. */
const STARTED = 2;

/** A user's own task queue may have many: what is not found among so many is found by the heartbeat timeout. */
const WORKFLOWS_MAX = 1_000;

interface TokenRow {
  readonly token: string;
  readonly server: string;
}

export interface OrphanSweep {
  readonly home: string;
  readonly client: Client;
  /** What `serverFactsOf` says of its id. */
  readonly server: string;
  readonly store: Store;
  /** The task queues that this process works on. */
  readonly queues: readonly string[];
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
      const rows = lock.all<TokenRow>('SELECT token, server FROM given_attempt');
      const here = rows.filter((row) => row.server === sweep.server);
      for (const row of here) if (await failOne(sweep.client, Buffer.from(row.token, 'base64'))) failed++;
      failed += await failUnbegun(sweep, basename(file, '.lock'));
      await sweep.store.endLease(basename(file, '.lock'));
      complete = true;
    } catch (error) {
      // Kept for the next sweep: the server may be out of reach just now.
      sweep.log.debug('the attempts of a dead process could not be given back', { file, error: String(error) });
    } finally {
      lock.release({ remove: complete });
    }
  }
  if (failed > 0) sweep.log.info(`took over ${failed} ${failed === 1 ? 'attempt' : 'attempts'} of processes that died`);
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

/**
 * Fails the activities that the server had handed to a dead process and that had not begun there: nobody wrote down their
 * tokens. Only those whose last worker is that process, which starts nothing any more.
 */
async function failUnbegun({ client, queues }: OrphanSweep, owner: string): Promise<number> {
  let failed = 0;
  for (const queue of queues) {
    const query = `TaskQueue = "${queue}" AND ExecutionStatus = "Running"`;
    let looked = 0;
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      if (++looked > WORKFLOWS_MAX) break;
      const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
      for (const { activityId, lastWorkerIdentity, state } of raw.pendingActivities ?? []) {
        // One that waits for its retry may be started by a living worker at any moment.
        if (!activityId || state !== STARTED || !lastWorkerIdentity?.endsWith(owner)) continue;
        if (await failOne(client, { workflowId, runId, activityId })) failed++;
      }
    }
  }
  return failed;
}

async function failOne(client: Client, activity: Uint8Array | FullActivityId): Promise<boolean> {
  try {
    const failure = ApplicationFailure.create({
      type: 'HF_PROCESS_DIED',
      message: 'the process that ran it died',
      nextRetryDelay: '1ms',
      category: ApplicationFailureCategory.BENIGN,
    });
    if (activity instanceof Uint8Array) await client.activity.fail(activity, failure);
    else await client.activity.fail(activity, failure);
    return true;
  } catch (error) {
    if (error instanceof ActivityNotFoundError) return false;
    throw error;
  }
}

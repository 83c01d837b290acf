import {
  Client,
  Connection,
  isGrpcServiceError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { HoldfastError } from '../definitions/errors.ts';
import { JOB_WORKFLOW, type JobInput, type JobResult, taskQueueOf, WAKE } from '../workflows/messages.ts';
import { findTemporal, type TemporalOptions, unreachable } from './connection.ts';
import { failureOf } from './run-failure.ts';

/** What is tried beside the ledger's own write must not keep anybody waiting. */
const BEST_EFFORT_MS = 3_000;
const CONNECT_MS = 5_000;
/** How soon a server that went away is asked again. */
const ASK_AGAIN_MS = 500;

export interface TemporalPlace extends Omit<TemporalOptions, 'address'> {
  /** Null: there is none now. */
  readonly address?: string | null;
  /** Whose embedded server it is where nothing is configured. */
  readonly home: string;
}

/** How a run ended, as its workflow tells; `lost`: Temporal knows nothing of it, only the ledger does. */
export type RunEnd =
  | { readonly kind: 'ended'; readonly result: JobResult }
  | { readonly kind: 'terminated'; readonly runId: string | null }
  | { readonly kind: 'lost' };

/** The part of Temporal that a client needs, connected when it is first needed. */
export class TemporalLink {
  readonly #place: TemporalPlace;
  #client: Promise<Client> | null = null;
  /** Where it was last looked for. */
  #address = 'no address';

  constructor(place: TemporalPlace) {
    this.#place = place;
  }

  get hasServer(): boolean {
    return this.#place.address !== null;
  }

  async client(): Promise<Client> {
    this.#client ??= this.#connect();
    this.#client.catch(() => {
      this.#client = null;
    });
    return this.#client;
  }

  /** Starts a job's workflow, or attaches to the one that is open. */
  async start(
    input: JobInput,
    { taskQueue }: StartPlace = {},
  ): Promise<{ readonly attached: boolean; readonly runId: string }> {
    const before = await this.describe(input.jobId);
    const attached = before?.status.name === 'RUNNING';
    if (attached && before.type !== JOB_WORKFLOW) throw notAJob(input.jobId, before.type);
    const last = taskQueue === 'as before' ? before?.taskQueue : taskQueue;
    const client = await this.client();
    const handle = await this.reaching(() =>
      client.workflow.start(JOB_WORKFLOW, {
        workflowId: input.jobId,
        taskQueue: last ?? taskQueueOf(input.name),
        args: [input],
        workflowTaskTimeout: '2s',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        memo: { job: input.name, params: input.params },
      }),
    );
    return { attached, runId: handle.firstExecutionRunId };
  }

  /** What Temporal knows of the job's newest run; null for nothing. */
  async describe(jobId: string): Promise<WorkflowExecutionDescription | null> {
    const client = await this.client();
    return this.reaching(async () => {
      try {
        return await client.workflow.getHandle(jobId).describe();
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    });
  }

  /** Waits for the end of the job's run, through outages of the server. */
  async runEnd(jobId: string, { runId, onOutage }: RunWait = {}): Promise<RunEnd> {
    const client = await this.client();
    let out = false;
    for (;;) {
      try {
        const handle = client.workflow.getHandle(jobId, undefined, runId ? { firstExecutionRunId: runId } : {});
        return { kind: 'ended', result: await handle.result() };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { kind: 'lost' };
        if (error instanceof WorkflowFailedError) return endOf(error, jobId, runId ?? null);
        if (!isGrpcServiceError(error)) throw error;
        if (!out) onOutage?.(error);
        out = true;
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    }
  }

  /** Tells the workflow to look at the ledger at once. Whether it could be told. */
  wake(jobId: string): Promise<boolean> {
    return this.bestEffort((client) => client.workflow.getHandle(jobId).signal(WAKE));
  }

  cancel(jobId: string): Promise<boolean> {
    return this.bestEffort((client) => client.workflow.getHandle(jobId).cancel());
  }

  terminate(jobId: string, reason: string): Promise<boolean> {
    return this.bestEffort((client) => client.workflow.getHandle(jobId).terminate(reason));
  }

  /** Whether the work went well within a short deadline. Never throws. */
  async bestEffort(work: (client: Client) => Promise<unknown>): Promise<boolean> {
    if (!this.hasServer) return false;
    try {
      const client = await this.client();
      await client.connection.withDeadline(Date.now() + BEST_EFFORT_MS, () => work(client));
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    this.#client = null;
    await client?.connection.close();
  }

  async #connect(): Promise<Client> {
    const { address, dataConverter, home, ...rest } = this.#place;
    if (address === null) throw unreachable(this.#address, new Error('no server runs'));
    const options = { ...rest, ...(address === undefined ? {} : { address }) };
    const { connection, namespace } = await findTemporal(options, home);
    this.#address = connection.address;
    try {
      return new Client({
        connection: await Connection.connect({ connectTimeout: CONNECT_MS, ...connection }),
        namespace,
        ...(dataConverter === undefined ? {} : { dataConverter }),
      });
    } catch (error) {
      throw unreachable(connection.address, error);
    }
  }

  /** Errors: HF_SERVER_UNREACHABLE where the server does not answer. */
  async reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isGrpcServiceError(error) ? unreachable(this.#address, error) : error;
    }
  }
}

function notAJob(id: string, type: string): HoldfastError {
  const problem = `workflow ${type}, which is no job, is under way by that name: give another`;
  return new HoldfastError('HF_OPTION_INVALID', { option: 'id', value: id, problem });
}

interface StartPlace {
  /** `as before`: where its last run was, for workers of a user's own may serve it. @default the queue of the job's name */
  readonly taskQueue?: string;
}

interface RunWait {
  readonly runId?: string;
  /** Called once when the server cannot be reached. */
  readonly onOutage?: (error: unknown) => void;
}

function endOf(error: WorkflowFailedError, jobId: string, runId: string | null): RunEnd {
  const name = error.cause?.name;
  if (name === 'TerminatedFailure' || name === 'CancelledFailure' || name === 'TimeoutFailure')
    return { kind: 'terminated', runId };
  throw (
    failureOf(error.cause) ??
    new HoldfastError('HF_RUN_FAILED', { id: jobId, reason: error.cause?.message ?? error.message }, { cause: error })
  );
}

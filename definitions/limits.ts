/** Every limit and default of a job or task. An error that a limit causes names it as it is named here. */
export const DEFAULTS = Object.freeze({
  /** Items in flight over all workers of a job. */
  concurrency: 10,
  /** The share of items read that may be quarantined before the job is failed. */
  tolerate: '5%',
  /** Items that must be decided before a share of failures ends a job early. */
  toleranceJudgedFrom: 100,
  /** Bytes of one record as read from its source. */
  itemBytesMax: 1_000_000,
  /** Items waiting for another try; at that number reading stops until some are decided. */
  maxWaiting: 10_000,
  /** Items given to one call of `runBatch`. */
  batchSize: 100,

  /** Calls of the user's function an item, the first one counted. */
  attempts: 5,
  /** Milliseconds before the second call. */
  backoffFirstMs: 1_000,
  /** What each delay is multiplied by for the next one. */
  backoffFactor: 2,
  /** Milliseconds of the longest delay. */
  backoffMaxMs: 60_000,
  /** A delay is spread evenly over 1 − jitter … 1 + jitter times itself. */
  jitter: 0.2,
  /**
   * Milliseconds of one call of the user's function; bounded, so that one that never settles cannot hold up its job.
   */
  itemTimeoutMs: 300_000,

  /** Records of a job's first chunk; chunks grow from it with their number. */
  chunkRecordsFirst: 100,
  /** Records of the largest chunk. */
  chunkRecordsMax: 5_000,
  /** Bytes of the largest chunk, as read. */
  chunkBytesMax: 8_000_000,
  /** Milliseconds after which gathered outcomes are committed. */
  commitIntervalMs: 250,
  /** Outcomes after which a commit does not wait for its interval. */
  commitOutcomesMax: 2_500,
  /** Milliseconds after which a chunk attempt gives its place to others and goes on later. */
  yieldAfterMs: 30_000,

  /** Milliseconds that items in flight get to finish when a process is asked to stop. */
  shutdownGraceMs: 10_000,
  /** Milliseconds without a heartbeat after which an attempt on another machine is given up. */
  heartbeatTimeoutMs: 30_000,
  /** Milliseconds for which a process is taken to be alive after its last renewal. */
  leaseMs: 15_000,
  /** Milliseconds that a transaction of the user's callback may take. */
  transactionTimeoutMs: 30_000,
  /** Milliseconds for which records of transactions and steps of tasks are kept: a later try finds them. */
  taskRecordsMs: 30 * 86_400_000,
  /** Characters of an error's message kept with an item. */
  errorMessageCharsMax: 4_000,

  /** Bytes of the largest memoized result that is kept in the store itself; larger ones are files. */
  memoInlineBytesMax: 65_536,
  /** Milliseconds for which a result file that no entry refers to is left alone: it may be one that is about to be referred to. */
  memoFileGraceMs: 3_600_000,
} as const);

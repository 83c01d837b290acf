/** What leaves an activity, in the eyes of the server. */
export interface Outgoing {
  /** Errors: HF_PAYLOAD_TOO_LARGE. */
  assertFits(result: unknown, task: string): Promise<void>;
  /** The failure, or what of it can be reported: one that cannot is fatal to the worker, or is never heard of. */
  failure(failure: unknown): unknown;
}

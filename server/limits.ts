/** How long the embedded server's steps may take, in milliseconds. */
export interface ServerLimits {
  /** Until a server that was just started answers. @default 30000 */
  readonly startTimeoutMs: number;
  /** Until a server that was found running answers, or a killed one has let go of its file. @default 10000 */
  readonly answerTimeoutMs: number;
  /** Until a server that is asked to end has ended; then it is killed. @default 10000 */
  readonly stopTimeoutMs: number;
  /** Until another command is through with starting or ending the server. @default 60000 */
  readonly lockTimeoutMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  startTimeoutMs: 30_000,
  answerTimeoutMs: 10_000,
  stopTimeoutMs: 10_000,
  lockTimeoutMs: 60_000,
};

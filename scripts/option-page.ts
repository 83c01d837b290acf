import { generated } from './generated-note.ts';
import { interfaceTable, memberTable } from './interface-table.ts';

/** docs/reference/options.md: what each definition takes. */
export function optionPage(): string {
  return [intro, ...definitions(), ...sourcesAndSinks(), ...programs()].join('\n');
}

const intro = `# Options

${generated('the doc comments of the definitions')}

What each definition takes, with its defaults. Durations are a number and a unit: \`'250ms'\`, \`'5s'\`, \`'10 min'\`, \`'1.5 h'\`,
\`'1 day'\`, \`'2 weeks'\`. An unknown option or a wrong value is refused when the definition is made (\`HF_DEFINITION_INVALID\`).
The numbers behind the defaults, and limits that are no options, are in [defaults.md](defaults.md).
`;

const section = (title: string, text: string, table = '') => `## ${title}\n\n${text}\n${table && `\n${table}\n`}`;

function definitions(): readonly string[] {
  const work = interfaceTable('definitions/job.ts', 'Work').replaceAll('| required |', '| |');
  const param =
    "`params: { file: 'string', top: 'number?', region: { type: 'string', default: 'EU', about: 'which orders' } }`: a kind (`'string'`, `'number'`, `'boolean'`, with `?` when optional), or an object. Or one Standard Schema for all of them.";
  const table = interfaceTable;
  return [
    section('defineJob(options)', 'And one kind of work, below.', table('definitions/job.ts', 'JobOptions')),
    section('The work of a job', 'Exactly one of `task`, `run` and `runBatch`.', work),
    section('A param', param, table('definitions/params.ts', 'ParamDetails')),
    section('retry', 'Of a task, or of a job with `run` or `runBatch`.', table('definitions/retry.ts', 'Retry')),
    section(
      'defineTask(options)',
      'A named, versioned, retried function.',
      table('definitions/task.ts', 'TaskOptions'),
    ),
    section(
      'memoize',
      'Of a task; how it works: [memoization](../memoization.md). `{}` takes all defaults.',
      table('definitions/memoize.ts', 'Memoize'),
    ),
    section(
      'ctx',
      'What `run` and a task are given besides their input.',
      memberTable('definitions/context.ts', 'TaskContext'),
    ),
    section(
      'ctx of runBatch',
      'It also has `signal`, `jobId`, `params` and `log`.',
      memberTable('definitions/context.ts', 'BatchContext'),
    ),
  ];
}

function sourcesAndSinks(): readonly string[] {
  const path = 'A path, a `file:` URL, a glob, or an array of them.';
  return [
    section('csv(path, options)', path, interfaceTable('sources/csv.ts', 'CsvOptions')),
    section('jsonl(path)', `${path} One JSON value a line, UTF-8. No options.`),
    section(
      'items(all)',
      'An array, an iterable, an async iterable, or a function that returns one. The order must be the same each time. No options.',
    ),
    section('sqlTable(options)', 'For `.to(…)`.', interfaceTable('sinks/sql-table.ts', 'SqlTableOptions')),
    section(
      'sqlTransaction(url, write, options)',
      '`write(tx, outcomes)` gets `{ item, key, result }[]` and a transaction with `run(sql, params)` and `all(sql, params)`.',
      interfaceTable('sinks/sql-transaction.ts', 'SqlTransactionOptions'),
    ),
  ];
}

function programs(): readonly string[] {
  const temporal = interfaceTable('client/connection.ts', 'TemporalOptions').split('\n').slice(2);
  const namespace = temporal.filter((row) => row.startsWith('| `namespace`'));
  const worker = [interfaceTable('worker/create-worker.ts', 'WorkerOptions'), ...temporal].join('\n');
  const client = [interfaceTable('client/holdfast-client.ts', 'ClientOptions'), ...namespace].join('\n');
  return [
    section(
      'TestEnvironment.create(options)',
      'From `holdfast/testing`.',
      interfaceTable('testing/test-environment.ts', 'TestEnvironmentOptions'),
    ),
    section('createWorker(options)', 'From `holdfast/worker`.', worker),
    section(
      'new HoldfastPlugin(options)',
      'From `holdfast/worker`, for `plugins` of a Worker of yours: [tasks in workflows](../tasks-in-workflows.md).',
      interfaceTable('worker/plugin.ts', 'PluginOptions'),
    ),
    section(
      'memoizeActivities',
      'Of `HoldfastPlugin`, by activity type. Also `expires`, `refresh`, `storage` and `onStoreError` of [`memoize`](#memoize).',
      interfaceTable('worker/memoized-activities.ts', 'MemoizeActivity'),
    ),
    section(
      'proxyTasks(options)',
      "From `holdfast/workflows`. Also the options of Temporal's `proxyActivities`.",
      interfaceTable('workflows/task-activities.ts', 'ProxyTasksOptions'),
    ),
    section(
      'runJob(name, params, options)',
      'From `holdfast/workflows`.',
      interfaceTable('workflows/run-job.ts', 'RunJobOptions'),
    ),
    section('What runJob returns', 'A `JobResult`, of plain JSON.', memberTable('workflows/messages.ts', 'JobResult')),
    section('new HoldfastClient(options)', 'From `holdfast/client`.', client),
    section(
      'client.start(job, options)',
      'Also with the name of a job in place of the job.',
      interfaceTable('client/holdfast-client.ts', 'StartOptions'),
    ),
    section(
      'client.runTask(task, input, options)',
      'Also with the name of a task in place of the task.',
      interfaceTable('client/run-task.ts', 'RunTaskOptions'),
    ),
  ];
}

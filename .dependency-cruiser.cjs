// The rooms of the house and which way imports may point. A rule for each room: what it may import, and why no more.
const rooms =
  'definitions|sources|memoization|ledger|sinks|database|activities|workflows|client|worker|server|testing|drill|cli';

/** @type {(room: string, allowed: string, comment: string) => import('dependency-cruiser').IForbiddenRuleType} */
const room = (name, allowed, comment) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment,
  from: { path: `^${name}/` },
  to: {
    path: `^(${rooms}|test|bench|docs|examples|scripts)/`,
    pathNot: `^(${[name, allowed].filter(Boolean).join('|')})(/|\\.ts$)`,
  },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    room('definitions', '', 'Everything depends on the definitions, so they depend on nothing.'),
    {
      name: 'definitions-are-pure',
      severity: 'error',
      comment:
        'Definitions are loaded in the workflow sandbox and in browsers of types: no I/O, no clock, no packages.',
      from: { path: '^definitions/' },
      to: { dependencyTypesNot: ['local', 'type-only'], pathNot: '^definitions/' },
    },
    room('sources', 'definitions', 'A source reads items; what becomes of them is not its business.'),
    room(
      'memoization',
      'definitions|database',
      'Memoization is about keys and stored results, whatever computes them.',
    ),
    room('ledger', 'definitions|database', 'The ledger records effects; it must not know sources, sinks or Temporal.'),
    room(
      'sinks',
      'definitions|ledger|database',
      'A sink writes effects and their record; it does not know who computed them.',
    ),
    room('database', 'definitions', 'Drivers stand behind a port that knows nothing of what is stored.'),
    room(
      'activities',
      'definitions|sources|memoization|ledger|sinks|database|workflows/messages',
      'Activities are given their dependencies; of the workflows that call them they know the messages, of the worker nothing.',
    ),
    {
      name: 'workflows-imports',
      severity: 'error',
      comment: 'Workflow code is deterministic: of other rooms only the definitions, and types of activities.',
      from: { path: '^workflows/' },
      to: {
        path: `^(${rooms}|test|bench|docs|examples|scripts)/`,
        pathNot: '^(workflows|definitions)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflows-types-of-activities',
      severity: 'error',
      comment:
        'Types, too, come from the activities alone: what a workflow speaks of is what its activities take and give.',
      from: { path: '^workflows/' },
      to: { path: `^(${rooms})/`, pathNot: '^(workflows|definitions|activities)/' },
    },
    {
      name: 'workflows-packages',
      severity: 'error',
      comment:
        'Only these two packages are made for the sandbox; everything else may use the clock, randomness or I/O.',
      from: { path: '^workflows/' },
      to: {
        dependencyTypesNot: ['local', 'type-only'],
        pathNot: ['^(workflows|definitions)/', 'node_modules/@temporalio/(workflow|common)/'],
      },
    },
    room(
      'client',
      'definitions|ledger|database|workflows/messages|server/home|server/running',
      'A client writes control to the ledger and wakes the workflow; of the embedded server it knows only where its files are, and whether one runs there.',
    ),
    room(
      'worker',
      'definitions|sources|memoization|ledger|sinks|database|activities|workflows|client|server/home',
      'The composition root of what runs jobs: of the embedded server it knows only where its files are, of the command nothing.',
    ),
    room('server', 'definitions|database/file-lock', 'The embedded server is a program of its own: it knows no jobs.'),
    room('testing', 'definitions|worker|client|server', 'What users test with is made of what users have.'),
    room('drill', 'definitions|worker|client|server', 'The drill kills real processes from outside, as a user would.'),
    {
      name: 'cli-is-the-top',
      severity: 'error',
      comment: 'Nothing but its own tests imports the command line.',
      from: { path: `^(${rooms})/`, pathNot: '^cli/' },
      to: { path: '^cli/' },
    },
    {
      name: 'public-entries-only',
      severity: 'error',
      comment:
        'Examples and benchmarks are what users would write: they import holdfast by name. That of the memoization store measures what users only meet inside a job or an activity.',
      from: { path: '^(examples|bench)/', pathNot: '^bench/memo\\.ts$' },
      to: { path: `^(${rooms})/`, dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'no-self-reference',
      severity: 'error',
      comment:
        'Inside the package files import each other by path, so that a build has no cycle through its own exports.',
      from: { path: `^(${rooms})/` },
      to: { dependencyTypes: ['aliased-tsconfig'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that need each other are one concept, or hide a third.',
      from: { path: `^(${rooms})/` },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      comment: 'What the package needs when it runs stands in its dependencies.',
      from: { path: `^(${rooms}|index\\.ts)` },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'Every import leads to a file.',
      from: { pathNot: '^test/types/projects/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage)/|^test/types/projects/|^\\.git/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};

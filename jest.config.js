const entries = {
  holdfast: 'index.ts',
  'holdfast/workflows': 'workflows/index.ts',
  'holdfast/workflows/register': 'workflows/register.ts',
  'holdfast/worker': 'worker/index.ts',
  'holdfast/client': 'client/index.ts',
  'holdfast/testing': 'testing/index.ts',
};

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/types/projects/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } }],
  },
  moduleNameMapper: Object.fromEntries(
    Object.entries(entries).map(([name, file]) => [`^${name}$`, `<rootDir>/${file}`]),
  ),
  maxWorkers: 2,
  // Above the slowest single guarantee (a crash test that waits for a lease), below a hang that eats the whole run.
  testTimeout: 60_000,
};

import { entries } from './scripts/entries.mjs';

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
    Object.entries(entries).map(([name, source]) => [`^${name}$`, `<rootDir>/${source}`]),
  ),
  globalSetup: '<rootDir>/test/leaks-setup.mjs',
  globalTeardown: '<rootDir>/test/leaks-teardown.mjs',
  maxWorkers: 2,
  // Above the slowest single guarantee (a crash test that waits for a lease), below a hang that eats the whole run.
  testTimeout: 60_000,
};

// Jest runs what tsc built: what is tested is what is shipped. See CONTRIBUTING.md.
export default {
  rootDir: 'dist',
  testEnvironment: 'node',
  testMatch: ['**/test/**/*.test.js'],
  transform: {},
  coverageProvider: 'v8',
  testTimeout: 30000,
  maxWorkers: 2,
};

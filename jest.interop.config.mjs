import base from './jest.config.mjs';

/** `npm run test:interop`: the suites against identity providers of somebody else's making. */
export default {
  ...base,
  roots: ['<rootDir>/test/interop-idps'],
  testMatch: ['**/*.interop.ts'],
  reporters: ['default', '<rootDir>/test/interop-idps/table-reporter.mjs'],
};

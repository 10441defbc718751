import base from './jest.config.mjs';

/** `npm run test:interop`: the suites against identity providers and with clients of somebody else's making. */
export default {
  ...base,
  roots: ['<rootDir>/test/interop-idps', '<rootDir>/test/interop-clients'],
  testMatch: ['**/*.interop.ts'],
  reporters: [
    'default',
    '<rootDir>/test/interop-idps/table-reporter.mjs',
    '<rootDir>/test/interop-clients/table-reporter.mjs',
  ],
};

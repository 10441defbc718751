import base from './jest.config.mjs';

/** `npm run test:browser`: the pages that people see, in a real Chromium. */
export default {
  ...base,
  roots: ['<rootDir>/test/browser'],
  testMatch: ['**/*.browser.ts'],
};

/** The keys of the test harness, which is TypeScript. */
import { register } from 'node:module';

register('../../harness/typescript-loader.mjs', import.meta.url);
export const { makeIdpKey } = await import('../../harness/saml-idp-keys.ts');

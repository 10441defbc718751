/** A worker thread cannot be handed TypeScript on every Node that we support: this compiles the sources as it loads them. */
import { register } from 'node:module';

register('./typescript-loader.mjs', import.meta.url);

const { default: work } = await import('../../libs/saml/src/verification/worker.ts');

export default work;

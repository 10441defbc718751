/** `node --import` this to run the TypeScript of this repository. */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);

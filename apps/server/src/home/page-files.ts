import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = 'apps/server/public/';

/**
 * The text of a file of `apps/server/public`: looked for upwards from here, because sources and dist lie at different
 * depths. Throws when the installation lacks it.
 */
export function readPageFile(name: string): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const candidate = fileURLToPath(new URL(`${FOLDER}${name}`, folder));
    if (existsSync(candidate)) return readFileSync(candidate, 'utf8');
    if (folder.pathname === new URL('..', folder).pathname) throw new Error(`${FOLDER}${name} is missing`);
  }
}

/** Files under docs/ that are made from the code: written, or with --check only compared. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** @param {string} name of the file, from the root of the project. With --check a difference sets the exit code to 1. */
export function writeOrCheck(name, wanted) {
  const file = path.join(root, name);
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== wanted) {
    console.error(`${name} is out of date: run npm run generate`);
    process.exitCode = 1;
  }
}

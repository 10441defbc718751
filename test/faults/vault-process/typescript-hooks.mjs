/** Loader hooks: the sources under their `@app/…` names, each compiled once and kept, so that a process starts fast. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const compilerSource = readFileSync(new URL('test/harness/typescript-loader.mjs', root));
const cache = fileURLToPath(new URL('.cache/typescript/', root));

export async function resolve(specifier, context, next) {
  const lib = /^@app\/([a-z0-9-]+)$/.exec(specifier)?.[1];
  if (lib !== undefined) {
    return { url: new URL(`libs/${lib}/src/index.ts`, root).href, format: 'module', shortCircuit: true };
  }
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const key = createHash('sha256')
    .update(compilerSource)
    .update(url)
    .update(readFileSync(fileURLToPath(url)));
  const kept = `${cache}${key.digest('hex')}.mjs`;
  try {
    return { format: 'module', source: readFileSync(kept), shortCircuit: true };
  } catch {
    const compiler = await import('../../harness/typescript-loader.mjs');
    const loaded = await compiler.load(url, context, next);
    mkdirSync(cache, { recursive: true });
    const unfinished = `${kept}.${process.pid}`;
    writeFileSync(unfinished, loaded.source);
    renameSync(unfinished, kept);
    return loaded;
  }
}

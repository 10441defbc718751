import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** The code blocks of one language below a heading of one of our documents, up to the next heading. */
export function blocksOf(document, heading, language) {
  const lines = readFileSync(join(root, document), 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'));
  if (begin === -1) throw new Error(`${document} has no heading "${heading}"`);
  const blocks = [];
  let open;
  for (const line of lines.slice(begin + 1)) {
    if (open === undefined && /^#+ /.test(line)) break;
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { language: fence[1], lines: [] };
    else {
      if (open.language === language) blocks.push(`${open.lines.join('\n')}\n`);
      open = undefined;
    }
  }
  return blocks;
}

/** The only one. */
export function blockOf(document, heading, language) {
  const blocks = blocksOf(document, heading, language);
  if (blocks.length !== 1) throw new Error(`"${heading}" of ${document} has ${blocks.length} blocks of ${language}`);
  return blocks[0];
}

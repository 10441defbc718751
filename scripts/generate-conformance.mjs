/**
 * Writes docs/conformance.md: which test shows which clause, read from the titles of the tests themselves.
 * `--check` writes nothing and exits 1 when the file is out of date.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { writeOrCheck } from './generated-file.mjs';

const root = path.resolve(import.meta.dirname, '..');
const CLAUSE = /\b(RFC \d{4} §[A-Z]?[\d.]*\d|OIDC (?:Core|Discovery) §[\d.]*\d|D\d{1,2}\b(?!\d)|R\d{1,2}\b(?!\d))/g;
const CALLS = new Set(['describe', 'it', 'test']);

function* specFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* specFiles(full);
    else if (/\.(spec\.ts|test\.mjs)$/.test(entry.name)) yield full;
  }
}

/** `describe`, `it`, `it.each([...])` and the like: the name of the block, or undefined. */
function blockOf(call) {
  let callee = call.expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee) || ts.isTaggedTemplateExpression(callee))
    callee = ts.isTaggedTemplateExpression(callee) ? callee.tag : callee.expression;
  if (!ts.isIdentifier(callee) || !CALLS.has(callee.text)) return undefined;
  const [title] = call.arguments;
  if (title === undefined || !(ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) return undefined;
  return { kind: callee.text, title: ts.isStringLiteralLike(title) ? title.text : title.getText().slice(1, -1) };
}

function testsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const tests = [];
  const visit = (node, titles) => {
    let inner = titles;
    if (ts.isCallExpression(node)) {
      const block = blockOf(node);
      if (block !== undefined) {
        inner = [...titles, block.title];
        if (block.kind !== 'describe') tests.push(inner);
      }
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, []);
  return tests;
}

const byClause = new Map();
for (const folder of ['libs', 'apps', 'test'])
  for (const file of specFiles(path.join(root, folder))) {
    const place = path.relative(root, file).split(path.sep).join('/');
    for (const titles of testsOf(file)) {
      const full = titles.join(' › ');
      for (const clause of new Set(full.match(CLAUSE) ?? [])) {
        const rows = byClause.get(clause) ?? [];
        rows.push({ title: full, place });
        byClause.set(clause, rows);
      }
    }
  }

const collator = new Intl.Collator('en', { numeric: true });
const families = [
  ['Specifications', (clause) => /^(RFC|OIDC)/.test(clause)],
  ['Decisions', (clause) => /^D\d/.test(clause)],
  ['Security requirements', (clause) => /^R\d/.test(clause)],
];
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const lines = [
  '# Conformance',
  '',
  'Which test shows which clause. Generated from the titles of the tests by `npm run generate`; do not edit.',
  '',
];
for (const [heading, belongs] of families) {
  const clauses = [...byClause.keys()].filter(belongs).toSorted(collator.compare);
  const count = clauses.reduce((sum, clause) => sum + byClause.get(clause).length, 0);
  lines.push(`## ${heading}`, '', `${clauses.length} clauses, ${count} tests.`, '');
  lines.push('| clause | test | file |', '|---|---|---|');
  for (const clause of clauses)
    for (const { title, place } of byClause
      .get(clause)
      .toSorted((a, b) => collator.compare(a.place + a.title, b.place + b.title)))
      lines.push(`| ${clause} | ${cell(title)} | ${place} |`);
  lines.push('');
}

writeOrCheck('docs/conformance.md', lines.join('\n'));

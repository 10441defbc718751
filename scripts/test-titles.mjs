/** The tests of this tree by their titles, read from the source and never run. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');
const CALLS = new Set(['describe', 'describeInBrowser', 'it', 'test']);

function* specFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* specFiles(full);
    else if (/\.(spec\.ts|test\.mjs|browser\.ts)$/.test(entry.name)) yield full;
  }
}

/** The first argument of `it.each(…)`, where that is what is called. */
function tableOf(call) {
  const inner = call.expression;
  if (!ts.isCallExpression(inner) || !inner.expression.getText().endsWith('.each')) return undefined;
  const [table] = inner.arguments;
  return table !== undefined && ts.isArrayLiteralExpression(table) ? table.elements : undefined;
}

/** A title with the words of one row of its table, as Jest writes it; what is no string stays a placeholder. */
function titleOfRow(title, row) {
  const values = ts.isArrayLiteralExpression(row) ? [...row.elements] : [row];
  return title.replace(/%[sj]/g, (placeholder) => {
    const value = values.shift();
    if (value === undefined || !ts.isStringLiteralLike(value)) return placeholder;
    return placeholder === '%j' ? JSON.stringify(value.text) : value.text;
  });
}

/** `describe`, `it`, `it.each([...])` and the like: the name of the block and of each of its rows, or undefined. */
function blockOf(call) {
  let callee = call.expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee) || ts.isTaggedTemplateExpression(callee))
    callee = ts.isTaggedTemplateExpression(callee) ? callee.tag : callee.expression;
  if (!ts.isIdentifier(callee) || !CALLS.has(callee.text)) return undefined;
  const [argument] = call.arguments;
  if (argument === undefined || !(ts.isStringLiteralLike(argument) || ts.isTemplateExpression(argument)))
    return undefined;
  const title = ts.isStringLiteralLike(argument) ? argument.text : argument.getText().slice(1, -1);
  const rows = (tableOf(call) ?? []).map((row) => titleOfRow(title, row));
  return { kind: callee.text, title, rows };
}

function testsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const place = path.relative(root, file).split(path.sep).join('/');
  const tests = [];
  const visit = (node, titles) => {
    let inner = titles;
    const block = ts.isCallExpression(node) ? blockOf(node) : undefined;
    if (block !== undefined) {
      const join = (title) => [...titles, title].join(' › ');
      inner = [...titles, block.title];
      if (!block.kind.startsWith('describe'))
        tests.push({ place, title: join(block.title), rows: block.rows.map(join) });
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, []);
  return tests;
}

/**
 * Every test: its file from the root of the project, its titles joined by ` › `, and the same with the words of each row
 * where it stands in an `it.each` with a literal table.
 */
export function allTests() {
  return ['libs', 'apps', 'test'].flatMap((folder) => [...specFiles(path.join(root, folder))]).flatMap(testsOf);
}

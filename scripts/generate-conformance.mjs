/**
 * Writes docs/conformance.md: which test shows which clause, read from the titles of the tests themselves, and which show
 * what the lists under test/conformance ask for. `--check` writes nothing and exits 1 when the file is out of date. A list
 * that names a test which does not exist is an error.
 */
import { cell, conformanceChapter } from './conformance-tables.mjs';
import { writeOrCheck } from './generated-file.mjs';
import { allTests } from './test-titles.mjs';

const CLAUSE = /\b(RFC \d{4} §[A-Z]?[\d.]*\d|OIDC (?:Core|Discovery) §[\d.]*\d|D\d{1,2}\b(?!\d)|R\d{1,2}\b(?!\d))/g;
const LISTS = ['test/conformance/openid-plans.yaml', 'test/conformance/rfc9700.yaml'];

const tests = allTests();
const byClause = new Map();
for (const { place, title } of tests)
  for (const clause of new Set(title.match(CLAUSE) ?? [])) {
    const rows = byClause.get(clause) ?? [];
    rows.push({ title, place });
    byClause.set(clause, rows);
  }

let chapters;
try {
  chapters = LISTS.map((file) => conformanceChapter(file, tests));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const collator = new Intl.Collator('en', { numeric: true });
const families = [
  ['Specifications', (clause) => /^(RFC|OIDC)/.test(clause)],
  ['Decisions', (clause) => /^D\d/.test(clause)],
  ['Security requirements', (clause) => /^R\d/.test(clause)],
];
const lines = [
  '# Conformance',
  '',
  'Which test shows which clause. Generated from the titles of the tests by `npm run generate`; do not edit.',
  '',
  '| | met |',
  '|---|---|',
  ...chapters.flatMap(({ counts }) => counts.map(({ name, count }) => `| ${name} | ${count} |`)),
  '',
  ...chapters.flatMap((chapter) => chapter.lines),
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

/**
 * The tables of docs/conformance.md that somebody else's list gives the rows of: which test here shows what an entry
 * asks for, or why none does. The lists are test/conformance/*.yaml.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const root = path.resolve(import.meta.dirname, '..');
const KEYS = new Set(['entry', 'tests', 'remark', 'not_met']);

export const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();

function assertEntry(entry, file, known) {
  const fault = (what) => {
    throw new Error(`${file}: ${entry.entry ?? JSON.stringify(entry)}: ${what}`);
  };
  for (const key of Object.keys(entry)) if (!KEYS.has(key)) fault(`${key} is no key; they are ${[...KEYS].join(', ')}`);
  if (entry.entry === undefined) fault('has no name');
  if (entry.not_met === undefined && !(entry.tests?.length > 0)) fault('names neither a test nor not_met');
  for (const test of entry.tests ?? []) if (!known.has(test)) fault(`there is no test "${test}"`);
}

/** A test by file and title, short enough for a table: the file once, its titles below. */
function shownBy(tests) {
  const byFile = new Map();
  for (const test of tests) {
    const [file, ...titles] = test.split(' › ');
    byFile.set(file, [...(byFile.get(file) ?? []), titles.join(' › ')]);
  }
  return [...byFile].map(([file, titles]) => [`\`${file}\``, ...titles.map(cell)].join('<br>')).join('<br>');
}

function tableOf({ name, id, entries }, heading) {
  const met = entries.filter((entry) => entry.not_met === undefined).length;
  const lines = [`${heading} ${name}: ${met} of ${entries.length}`, ''];
  if (id !== undefined) lines.push(`\`${id}\``, '');
  lines.push('| entry | shown by | |', '|---|---|---|');
  for (const entry of entries) {
    const remark = entry.not_met === undefined ? (entry.remark ?? '') : `**Not met.** ${entry.not_met}`;
    lines.push(`| ${cell(entry.entry)} | ${shownBy(entry.tests ?? [])} | ${cell(remark)} |`);
  }
  return { lines: [...lines, ''], count: `${met} of ${entries.length}` };
}

/**
 * Reads one list. @returns its chapter, and for each of its tables how much of it is met
 * @throws Error where it names a test that does not exist: a table that says more than the tests show is worse than none
 */
export function conformanceChapter(file, tests) {
  const { title, about, tables } = parse(readFileSync(path.join(root, file), 'utf8'));
  const known = new Set(tests.flatMap((test) => [test.title, ...test.rows].map((name) => `${test.place} › ${name}`)));
  for (const { entries } of tables) for (const entry of entries) assertEntry(entry, file, known);
  const made = tables.map((table) => ({ name: table.name, ...tableOf(table, '###') }));
  return {
    lines: [`## ${title}`, '', about.trim(), '', ...made.flatMap(({ lines }) => lines)],
    counts: made.map(({ name, count }) => ({ name, count })),
  };
}
